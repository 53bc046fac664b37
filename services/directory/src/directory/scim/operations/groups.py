"""Creation, change and removal of groups by the feed."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog
from plexus_access.objects import GROUP, Object, Subject
from plexuskit.ids import new_id
from scim2_models import MutabilityException, NotFoundException, PreconditionFailedException

from directory.access.operations.role_bindings import end_bindings_about
from directory.people.domain import groups
from directory.people.domain.groups import Group
from directory.people.domain.refusals import GroupNameTaken, PersonDeactivated
from directory.people.operations.memberships import publish
from directory.people.operations.rights import check_joining
from directory.scim.domain import groups as feed_groups
from directory.scim.domain import resources
from directory.scim.domain.changes import Change
from directory.scim.operations.refused import refusing
from directory.scim.operations.write_queue import Turn, WriteQueue
from directory.scim.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import GroupId, PersonId
from directory.shared.domain.refusals import GroupNotFound

PERMISSION: Final = "people.provision"

log = structlog.get_logger()


async def create_group(
    store: Store, write_queue: WriteQueue, *, actor: Actor, wanted: resources.Group, now: datetime
) -> tuple[Group, frozenset[PersonId]]:
    """Create a group by name with its members; out: the group and its members.

    Raises:
        PermissionMissing: the actor may not provision people.
        GroupNameTaken: a group of the tenant has the name or the externalId.
        PersonNotFound, PersonDeactivated: a person cannot be a member.
        InvalidArgument, InvalidValueException, GroupTooLarge: the group is invalid.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)
    group_id = GroupId(new_id("grp", now=now))
    named = feed_groups.member_ids(wanted)
    made = groups.create(
        group_id=group_id,
        tenant_id=actor.tenant_id,
        name=wanted.display_name or "",
        description="",
        department_id="",
        by=None,
        external_id=feed_groups.external_id(wanted),
        size=len(named),
    )

    async def work(turn: Turn) -> None:
        existing = made.external_id and await store.groups.find_by_external_id(
            made.external_id, tenant_id=actor.tenant_id, tx=turn.tx
        )
        if existing:
            raise GroupNameTaken(name=made.name)
        await _check_active(store, named, actor=actor, turn=turn)
        await store.groups.add(made, tx=turn.tx)
        await store.members.move({made.id: (named, ())}, tx=turn.tx)
        await publish(store, [made], actor_id=actor.person_id, now=now, tx=turn.tx)

    await write_queue.run(work, actor=actor, now=now)
    log.info("feed.group_created", group_id=made.id, by=actor.person_id, size=made.size)
    return made, named


async def change_group(
    store: Store,
    write_queue: WriteQueue,
    *,
    actor: Actor,
    group_id: str,
    change: Change[resources.Group],
    expected: Callable[[str], bool],
    base_url: str,
    now: datetime,
) -> tuple[Group, frozenset[PersonId]]:
    """Change a group as the feed requests; out: the group and its members.

    In: the change; the entity tag check; the ids to look up.

    Raises:
        PermissionMissing: the actor may not provision people.
        NotFoundException: there is no such group.
        PreconditionFailedException: the current group is not the expected one.
        MutabilityException: the members follow a rule.
        GrantExceedsOwn: new members would hold more than the feed does (GW-11).
        GroupNameTaken, PersonNotFound, PersonDeactivated, GroupTooLarge: the result is invalid.
        InvalidArgument, SCIMException: the change cannot be made.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)

    async def work(turn: Turn) -> tuple[Group, frozenset[PersonId]]:
        group = await _get(store, group_id, actor=actor, turn=turn)
        if not expected(feed_groups.etag(group)):
            raise PreconditionFailedException
        current_members = await store.members.of_group(group.id, tx=turn.tx)
        wanted = change.apply(feed_groups.resource(group, current_members, base_url=base_url))
        named = feed_groups.member_ids(wanted)
        joined, gone = named - current_members, current_members - named
        if group.rule is not None and (joined or gone):
            raise MutabilityException(detail="the members of this group follow its rule")
        changed = feed_groups.changed(group, wanted)
        if changed is group and not joined and not gone:
            return group, current_members

        await _check_active(store, joined, actor=actor, turn=turn)
        if joined:
            await _check_rights(store, group, actor=actor, now=now, turn=turn)
        if changed is group:
            changed = groups.next_version(group)
        changed = groups.sized(changed, len(named))
        await store.members.move({group.id: (joined, gone)}, tx=turn.tx)
        await publish(store, [changed], actor_id=actor.person_id, now=now, tx=turn.tx)
        return changed, named

    return await refusing(
        store, write_queue.run(work, actor=actor, now=now), about=group_id, actor=actor, now=now
    )


async def remove_group(
    store: Store,
    write_queue: WriteQueue,
    *,
    actor: Actor,
    group_id: str,
    expected: Callable[[str], bool],
    now: datetime,
) -> None:
    """Remove a group: it has no members any more, and its name is free.

    Raises:
        PermissionMissing: the actor may not provision people.
        NotFoundException: there is no such group.
        GrantExceedsOwn: members would lose grants that the feed does not hold (GW-11).
        PreconditionFailedException: the current group is not the expected one.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)

    async def work(turn: Turn) -> None:
        group = await _get(store, group_id, actor=actor, turn=turn)
        if not expected(feed_groups.etag(group)):
            raise PreconditionFailedException
        await _check_rights(store, group, actor=actor, now=now, turn=turn)
        members = await store.members.of_group(group.id, tx=turn.tx)
        await store.members.move({group.id: ((), members)}, tx=turn.tx)
        removed = groups.remove(group)
        await publish(store, [removed], actor_id=actor.person_id, now=now, tx=turn.tx)
        await end_bindings_about(
            store,
            Object(GROUP, group.id),
            tenant_id=actor.tenant_id,
            actor_id=actor.person_id,
            now=now,
            tx=turn.tx,
        )

    await refusing(
        store, write_queue.run(work, actor=actor, now=now), about=group_id, actor=actor, now=now
    )
    log.info("feed.group_removed", group_id=group_id, by=actor.person_id)


async def _check_rights(
    store: Store, group: Group, *, actor: Actor, now: datetime, turn: Turn
) -> None:
    """Check that a group with changing members has no grants beyond the feed's (GW-11)."""
    grants = await store.grants.holding(actor, PERMISSION, now=now, tx=turn.tx)
    subjects = [Subject(GROUP, group.id)]
    await check_joining(store, grants, subjects, tenant_id=actor.tenant_id, now=now, tx=turn.tx)


async def _get(store: Store, group_id: str, *, actor: Actor, turn: Turn) -> Group:
    try:
        return await store.groups.get(group_id, tenant_id=actor.tenant_id, tx=turn.tx)
    except GroupNotFound as absent:
        raise NotFoundException(detail="There is no such resource.") from absent


async def _check_active(
    store: Store, person_ids: frozenset[PersonId], *, actor: Actor, turn: Turn
) -> None:
    people = await store.people.load_many(person_ids, tenant_id=actor.tenant_id, tx=turn.tx)
    for person in people.values():
        if not person.active:
            raise PersonDeactivated(person_id=person.id)
