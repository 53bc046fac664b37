"""Conversations from another system (MSG-19, GW-11)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from plexus_access.roles import holds
from plexuskit.grpc import Actor
from plexuskit.mongo import DuplicateKey, Transaction

from messaging.contract.events import IMPORT
from messaging.conversations.domain.conversations import check_member_count
from messaging.conversations.operations.conversations import Begun, begin, write_new
from messaging.conversations.operations.people import People, require_people
from messaging.importing.domain import Exported, Following, ImportDenied, source_of
from messaging.importing.operations.imports import follow
from messaging.importing.operations.members import GroupFollowing
from messaging.importing.store.stores import Store
from messaging.log.domain.states import Conversation, History, Kind, Role
from messaging.log.operations.logs import Log

PERMISSION = "messages.import"


@dataclass(frozen=True, slots=True)
class ForeignConversation:
    """A conversation as another system knows it."""

    external_id: str
    kind: Kind
    name: str
    topic: str
    member_ids: tuple[str, ...]
    owner_id: str
    history: History
    archived: bool
    created_at: datetime | None


async def import_conversations(
    log: Log[Store], people: People, *, actor: Actor, foreign: Iterable[ForeignConversation]
) -> list[tuple[Begun, Following | None]]:
    """Import conversations one after the other; return each with its link to the export, if any.

    Refusals: those of import_conversation; the conversations before it stay.
    """
    all_begun = [
        await import_conversation(log, people, actor=actor, foreign=each, now=log.clock.now())
        for each in foreign
    ]
    following = await follow(
        log.store,
        tenant_id=actor.tenant_id,
        conversations=[begun.conversation for begun in all_begun],
    )
    return [(begun, following.get(begun.conversation.id)) for begun in all_begun]


def require_importer(actor: Actor) -> None:
    """Refuse callers who are not administrators; the gateway has checked it too.

    Raises:
        ImportDenied: not an administrator.
    """
    if not holds(PERMISSION, roles=actor.roles, extra=actor.extra, scopes=actor.scopes):
        raise ImportDenied


async def import_conversation(
    log: Log[Store], people: People, *, actor: Actor, foreign: ForeignConversation, now: datetime
) -> Begun:
    """Create a conversation once per external id; a repeat updates it from the export.

    It changes only as long as it follows the export; never a direct one, or one that people use
    (GW-11). Two people who talk here already keep their one conversation, and no history comes
    into it.

    Raises:
        ImportDenied: not an administrator.
        GroupTooLarge: more than 5,000 members (SCALE-1).
        PersonNotFound: a member is not in the directory.
    """
    require_importer(actor)
    check_member_count(len(foreign.member_ids))
    store = log.store
    found = await store.conversations.find_external(actor.tenant_id, [foreign.external_id])
    if not found:
        await require_people(people, actor, foreign.member_ids)
        begun = await _begin(store, actor=actor, foreign=foreign, now=now)
        if begun is not None:
            return begun
        found = await store.conversations.find_external(actor.tenant_id, [foreign.external_id])
    conversation = found[foreign.external_id]
    log_state = await log.log_states.load(conversation.id)
    is_changed = False
    if conversation.kind is not Kind.DIRECT:
        following = await follow(
            store, tenant_id=actor.tenant_id, conversations=[log_state.conversation]
        )
        state = following.get(conversation.id)
        if state is not None and state.closed is None:
            group = GroupFollowing(
                log=log,
                people=people,
                actor=actor,
                exported=_exported(foreign),
                owner_id=foreign.owner_id,
                following=state,
                now=now,
            )
            log_state, is_changed = await group.follow(log_state)
    return Begun(
        log_state.conversation,
        log_state.head.change_no,
        log_state.head.seq,
        deduplicated=True,
        changed=is_changed,
    )


def _exported(foreign: ForeignConversation) -> Exported:
    return Exported(
        name=foreign.name,
        topic=foreign.topic,
        archived=foreign.archived,
        member_ids=foreign.member_ids,
    )


async def _begin(
    store: Store, *, actor: Actor, foreign: ForeignConversation, now: datetime
) -> Begun | None:
    """Write a new conversation; None when it is there already."""
    pair = None
    if foreign.kind is Kind.DIRECT:
        first, second = sorted(foreign.member_ids)
        pair = (first, second)
    conversation = begin(
        tenant_id=actor.tenant_id,
        kind=foreign.kind,
        name=foreign.name,
        topic=foreign.topic,
        history=foreign.history,
        created_by=foreign.owner_id or actor.person_id,
        member_count=len(foreign.member_ids),
        now=now,
        pair=pair,
        external_id=foreign.external_id,
        archived=foreign.archived,
        created_at=foreign.created_at,
    )
    roles = _roles(conversation, foreign)

    async def work(tx: Transaction) -> Begun:
        begun = await write_new(
            store, conversation, roles, actor_id=actor.person_id, now=now, tx=tx, origin=IMPORT
        )
        source = source_of(foreign.external_id, field="external_id")
        following = Following(
            conversation_id=conversation.id, source=source, exported=_exported(foreign)
        )
        await store.imports.begin(following, tenant_id=actor.tenant_id, tx=tx)
        return begun

    try:
        return await store.transact(work)
    except DuplicateKey:
        return await _adopt_pair(store, actor=actor, pair=pair)


async def _adopt_pair(store: Store, *, actor: Actor, pair: tuple[str, str] | None) -> Begun | None:
    """Find the one conversation of two people who talk here already; it stays as it is."""
    found = None if pair is None else await store.conversations.find_pair(actor.tenant_id, pair)
    if found is None:
        return None
    head = await store.entries.head(found.id)
    return Begun(found, head.change_no, head.seq, deduplicated=True)


def _roles(conversation: Conversation, foreign: ForeignConversation) -> dict[str, Role]:
    roles = dict.fromkeys(foreign.member_ids, Role.MEMBER)
    if conversation.kind is Kind.GROUP and roles:
        owner = foreign.owner_id if foreign.owner_id in roles else foreign.member_ids[0]
        roles[owner] = Role.OWNER
    return roles
