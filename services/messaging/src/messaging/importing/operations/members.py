"""Update of imported groups from a later export (GW-11)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from plexuskit.grpc import Actor
from plexuskit.mongo import Transaction

from messaging.contract.events import IMPORT
from messaging.conversations.domain.conversations import check_member_count
from messaging.conversations.events.conversations import members_added
from messaging.conversations.operations.conversations import FIRST_CHANGE, changed
from messaging.conversations.operations.members import added, removed
from messaging.conversations.operations.people import People, require_people
from messaging.importing.domain import Exported, Following, ImportClosed
from messaging.importing.operations.entries import check_following
from messaging.importing.store.stores import Store
from messaging.log.domain.entries import EntryKind, LogState
from messaging.log.domain.states import Member, Role
from messaging.log.operations.changes import Change, apply_change
from messaging.log.operations.logs import Log

Decision = Callable[[LogState], Awaitable[Change | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFollowing:
    """One import of a group that is there already.

    Attributes:
        log: access to the log.
        people: directory's answers.
        actor: the importer.
        exported: current state of the export.
        owner_id: owner of the group in the export; empty if not exported.
        following: link between the import and the group.
        now: current time.
    """

    log: Log[Store]
    people: People
    actor: Actor
    exported: Exported
    owner_id: str
    following: Following
    now: datetime

    async def follow(self, log_state: LogState) -> tuple[LogState, bool]:
        """Add members, remove those who left, and rename; return the tail and whether it changed.

        Changes made here since the last import are kept. Nothing is written once people use the
        group or its import was finished.

        Raises:
            PersonNotFound: a member is not in the directory.
            GroupTooLarge: more than 5,000 members (SCALE-1).
        """
        await require_people(self.people, self.actor, self.exported.member_ids)
        changed_at_all = False
        for decide in (self._joining, self._owning, self._leaving, self._renaming):
            try:
                log_state, change = await apply_change(
                    self.log,
                    log_state.conversation.id,
                    decide,
                    actor_id=self.actor.person_id,
                    now=self.now,
                    also=self._check,
                )
            except ImportClosed:
                break
            changed_at_all = changed_at_all or change is not None
        else:
            if self.exported != self.following.exported:
                await self._note(log_state.conversation.id)
        return log_state, changed_at_all

    async def _check(self, tx: Transaction, log_state: LogState, _: Change) -> None:
        await check_following(self.log.store, log_state.conversation.id, tx=tx)

    async def _note(self, conversation_id: str) -> None:
        """Record the state of the export, once all of it was applied."""

        async def work(tx: Transaction) -> None:
            await check_following(self.log.store, conversation_id, tx=tx, exported=self.exported)

        try:
            await self.log.store.transact(work)
        except ImportClosed:
            return

    async def _joining(self, log_state: LogState) -> Change | None:
        """Add people who were never seen here: whoever left here stays away.

        Raises:
            GroupTooLarge: the group has more than 5,000 members once this export is followed.
        """
        new = [each for each in self.exported.member_ids if each not in log_state.members]
        if not new:
            return None
        conversation_id = log_state.conversation.id
        earlier = await self.log.store.conversations.members(conversation_id, person_ids=new)
        known = {member.person_id for member in earlier}
        previous = await self._previous_members(log_state)
        fresh = [each for each in new if each not in known or self._came_back(each, previous)]
        if not fresh:
            return None
        leavers = await self._leavers(log_state)
        check_member_count(len(log_state.members) + len(fresh) - len(leavers))
        stays = {member.person_id: member for member in earlier}
        return added(log_state, fresh, known=stays, role=Role.MEMBER, now=self.now, origin=IMPORT)

    def _came_back(self, person_id: str, previous: Sequence[str]) -> bool:
        """Return whether the last import removed a person whom this export lists again."""
        return self.following.exported is not None and person_id not in previous

    async def _owning(self, log_state: LogState) -> Change | None:
        """Make a remaining member owner if all owners leave."""
        leavers = set(await self._leavers(log_state))
        staying = [
            member for member in log_state.members.values() if member.person_id not in leavers
        ]
        if not leavers or not staying or any(each.role is Role.OWNER for each in staying):
            return None
        by_id = {member.person_id: member for member in staying}
        order = [self.owner_id, *self.exported.member_ids, *by_id]
        heir = next(by_id[person_id] for person_id in order if person_id in by_id)
        return _promoted(log_state, heir)

    async def _leaving(self, log_state: LogState) -> Change | None:
        """Remove those whom the last import had and this one has not."""
        found = [log_state.members[each] for each in await self._leavers(log_state)]
        change = removed(log_state, found, by_themselves=False)
        return None if change is None else replace(change, origin=IMPORT)

    async def _renaming(self, log_state: LogState) -> Change | None:
        """Change name, topic and archiving where the export changed and people here did not."""
        current, base = log_state.conversation, self.following.exported
        if base is None:
            if current.version != FIRST_CHANGE:
                return None
            base = replace(
                self.exported,
                name=current.name,
                topic=current.topic,
                archived=current.archived,
            )
        given = self.exported
        after = replace(
            current,
            name=given.name if current.name == base.name else current.name,
            topic=given.topic if current.topic == base.topic else current.topic,
            archived=given.archived if current.archived == base.archived else current.archived,
        )
        if after == current:
            return None
        return replace(changed(replace(after, version=current.version + 1), current), origin=IMPORT)

    async def _leavers(self, log_state: LogState) -> list[str]:
        """Return members listed in the last import and missing from this one.

        An export without a member list removes no members.
        """
        if not self.exported.member_ids:
            return []
        listed = set(self.exported.member_ids)
        previous = await self._previous_members(log_state)
        return [each for each in previous if each not in listed and each in log_state.members]

    async def _previous_members(self, log_state: LogState) -> Sequence[str]:
        if self.following.exported is not None:
            return self.following.exported.member_ids
        # An earlier version kept no list: the first members of the group came from the import.
        return [
            member.person_id
            for member in log_state.members.values()
            if member.version == FIRST_CHANGE
        ]


def _promoted(log_state: LogState, member: Member) -> Change:
    """Decide that a member becomes an owner."""
    version = log_state.head.change_no + 1
    promoted = replace(member, role=Role.OWNER, version=version)
    conversation = replace(log_state.conversation, membership_version=version)
    return Change(
        kind=EntryKind.MEMBERS_ADDED,
        conversation=conversation,
        members=[promoted],
        entity_id=conversation.id,
        revision=version,
        fact=lambda _: members_added([promoted], version=version),
        origin=IMPORT,
    )
