"""Messages from another system, through the same log (MSG-19)."""

import asyncio
import enum
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from plexuskit.errors import Refusal
from plexuskit.grpc import Actor
from plexuskit.items import item_failed

from messaging.conversations.operations.people import People
from messaging.importing.domain import Following, ImportClosed, SenderUnknown
from messaging.importing.operations.changes import follow_message, may_differ
from messaging.importing.operations.imports import follow
from messaging.importing.store.stores import Store
from messaging.log.domain.refusals import ConversationNotFound
from messaging.log.domain.states import Kind
from messaging.log.operations.items import Item, Stored, resolver
from messaging.log.operations.logs import Log
from messaging.messages.domain.messages import NewMessage

# Conversations whose cursors are placed together; a large one has 5,000 members.
FINISHED_TOGETHER = 50


@dataclass(frozen=True, slots=True)
class ForeignMessage:
    """A checked draft, with the thread it belongs to by request id."""

    new_message: NewMessage
    root_request_id: str


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """Result of one batch."""

    imported: int
    skipped: int
    refusals: tuple[tuple[str, Refusal], ...]
    changed: int = 0
    kept: int = 0


class Followed(enum.Enum):
    """Result for a message that differs from the last import."""

    CHANGED = enum.auto()
    SAME = enum.auto()
    KEPT = enum.auto()


@dataclass(slots=True)
class ImportRun:
    """State of one stream of batches: known numbers, and conversations written."""

    actor: Actor
    # seq by request id, per conversation
    known: dict[str, dict[str, int]] = field(default_factory=dict)
    allowed: set[str] = field(default_factory=set)
    # Direct conversations among them: their existing messages stay unchanged.
    direct: set[str] = field(default_factory=set)
    # People of the tenant who sent something.
    senders: set[str] = field(default_factory=set)


async def import_messages(
    log: Log[Store],
    people: People,
    run: ImportRun,
    *,
    messages: Sequence[ForeignMessage | tuple[str, Refusal]],
) -> BatchOutcome:
    """Store one batch, in its order; existing messages follow the export (MSG-3, MSG-19).

    Existing messages of a direct conversation stay unchanged.

    Raises:
        DependencyDown: the store, or directory about people who are new, cannot be reached.
    """
    refusals = [entry for entry in messages if isinstance(entry, tuple)]
    foreign = [entry for entry in messages if isinstance(entry, ForeignMessage)]
    foreign, foreign_refusals = await _check_conversations(log, people, run, foreign)
    refusals += foreign_refusals
    fresh, differing, skipped = await _split_stored(log, run, foreign)
    changed = kept = 0
    for message, original in differing:
        followed = await _follow(log, run, message, original)
        if isinstance(followed, Refusal):
            refusals.append((message.new_message.request_id, followed))
            continue
        changed += followed is Followed.CHANGED
        kept += followed is Followed.KEPT
        skipped += followed is Followed.SAME
    verdicts = await asyncio.gather(*(_submit(log, run, message) for message in fresh))
    imported = 0
    for message, verdict in zip(fresh, verdicts, strict=True):
        if isinstance(verdict, Refusal):
            refusals.append((message.new_message.request_id, verdict))
        elif verdict.deduplicated:
            skipped += 1
        else:
            imported += 1
    return BatchOutcome(imported, skipped, tuple(refusals), changed=changed, kept=kept)


async def _follow(
    log: Log[Store], run: ImportRun, message: ForeignMessage, original: Mapping[str, Any]
) -> Followed | Refusal:
    if message.new_message.conversation_id in run.direct:
        return Followed.KEPT
    try:
        changed = await follow_message(
            log,
            actor=run.actor,
            original=original,
            new_message=message.new_message,
            now=log.clock.now(),
        )
    except Refusal as refusal:
        return refusal
    except Exception as error:  # noqa: BLE001 - one item fails alone (GW-8)
        return item_failed(error, of="messaging.import_messages")
    return Followed.CHANGED if changed else Followed.SAME


async def _check_conversations(
    log: Log[Store], people: People, run: ImportRun, foreign: Sequence[ForeignMessage]
) -> tuple[list[ForeignMessage], list[tuple[str, Refusal]]]:
    """Restrict messages to conversations that this import created and that still follow it (GW-11).

    The transaction that writes decides again, exactly (see `append_imported`); this check saves the
    work for closed conversations.
    """
    ids = {message.new_message.conversation_id for message in foreign}
    following = await log.store.imports.find_many(ids & run.allowed)
    if unknown := ids - run.allowed:
        found = await log.store.conversations.find_many(unknown)
        new = await follow(log.store, tenant_id=run.actor.tenant_id, conversations=found.values())
        run.direct |= {id_ for id_, each in found.items() if each.kind is Kind.DIRECT}
        run.allowed |= {id_ for id_, each in new.items() if each.closed is None}
        following |= new
    kept, refusals = [], list[tuple[str, Refusal]]()
    for message in foreign:
        why = _why_not(message, following.get(message.new_message.conversation_id))
        if why is None:
            kept.append(message)
        else:
            refusals.append((message.new_message.request_id, why))
    kept = await _check_senders(log, people, run, kept, refusals)
    return kept, refusals


async def _check_senders(
    log: Log[Store],
    people: People,
    run: ImportRun,
    foreign: Sequence[ForeignMessage],
    refusals: list[tuple[str, Refusal]],
) -> list[ForeignMessage]:
    """Restrict messages to senders in the tenant; each is looked up once per stream."""
    sent = {message.new_message.sender_id for message in foreign}
    unknown = await strangers(log.store, people, sent - run.senders, actor=run.actor)
    run.senders |= sent - unknown
    kept = []
    for message in foreign:
        if message.new_message.sender_id in unknown:
            why = SenderUnknown(person_id=message.new_message.sender_id)
            refusals.append((message.new_message.request_id, why))
        else:
            kept.append(message)
    return kept


def _why_not(message: ForeignMessage, following: Following | None) -> Refusal | None:
    """Return why a message does not go in; none of this import's own is absent for it (GW-2)."""
    conversation_id = message.new_message.conversation_id
    source, colon, _ = message.new_message.request_id.partition(":")
    if following is None or not colon or source != following.source:
        return ConversationNotFound(conversation_id=conversation_id)
    if following.closed is None:
        return None
    return ImportClosed(conversation_id=conversation_id)


async def _split_stored(
    log: Log[Store], run: ImportRun, foreign: Sequence[ForeignMessage]
) -> tuple[list[ForeignMessage], list[tuple[ForeignMessage, Mapping[str, Any]]], int]:
    """Look up the numbers of thread roots, and separate messages that an earlier run stored.

    One read of all conversations does both.

    Returns:
        Messages that are new, messages that may differ from the last import with their entries, and
        the number of those that are the same.
    """
    wanted: dict[str, set[str]] = {}
    for message in foreign:
        names = wanted.setdefault(message.new_message.conversation_id, set())
        names.add(message.new_message.request_id)
        if message.root_request_id:
            names.add(message.root_request_id)
    # Another system may name another sender later: a request id of an import is one message.
    unknown = {id_: names - run.known.setdefault(id_, {}).keys() for id_, names in wanted.items()}
    found = await log.store.entries.find_requests(
        {id_: names for id_, names in unknown.items() if names}
    )
    stored: dict[tuple[str, str], dict[str, Any]] = {}
    for (conversation_id, _, request_id), entry in found.items():
        stored[conversation_id, request_id] = entry
        run.known[conversation_id][request_id] = entry["seq"]
    fresh: list[ForeignMessage] = []
    differing: list[tuple[ForeignMessage, Mapping[str, Any]]] = []
    same = 0
    for message in foreign:
        new_message = message.new_message
        original = stored.get((new_message.conversation_id, new_message.request_id))
        if original is None:
            fresh.append(message)
        elif may_differ(original, new_message):
            differing.append((message, original))
        else:
            same += 1
    return fresh, differing, same


async def _submit(log: Log[Store], run: ImportRun, message: ForeignMessage) -> Stored | Refusal:
    future: asyncio.Future[Stored | Refusal] = asyncio.get_running_loop().create_future()
    item = Item(
        message.new_message,
        on_verdict=resolver(future),
        root_request_id=message.root_request_id,
        known=run.known.setdefault(message.new_message.conversation_id, {}),
    )
    try:
        log.submit(item)
    except Refusal as refusal:
        return refusal
    except Exception as error:  # noqa: BLE001 - one item fails alone (GW-8)
        return item_failed(error, of="messaging.import_messages")
    return await future


async def place_imported_cursors(
    log: Log[Store],
    run: ImportRun,
    *,
    place_cursors: Callable[[Mapping[str, int], datetime], Awaitable[None]],
    now: datetime,
) -> None:
    """Move the cursor of every member to the end of the import: no history is unread (MSG-19).

    Args:
        log: the conversations.
        run: state of the import.
        place_cursors: places the cursors of all members of conversations, given by their last seq.
        now: current time.
    """
    ids = sorted(run.allowed)
    for first in range(0, len(ids), FINISHED_TOGETHER):
        ends = await log.store.imported.imported_ends(ids[first : first + FINISHED_TOGETHER])
        await place_cursors(ends, now)


async def strangers(
    store: Store, people: People, person_ids: Collection[str], *, actor: Actor
) -> set[str]:
    """Return the ids that name no person of the tenant, active or not.

    Exports list only the current members of a channel, so a sender need not be a member. Directory
    is asked about people unknown to messaging, because the import created them moments ago.

    Raises:
        DependencyDown: directory cannot be reached; never a guess.
    """
    if not person_ids:
        return set()
    known = await store.people.find(set(person_ids))
    foreign = {id_ for id_, each in known.items() if each.tenant_id != actor.tenant_id}
    new = sorted(set(person_ids) - known.keys())
    if not new:
        return foreign
    unknown = await people.unknown(
        tenant_id=actor.tenant_id, asker_id=actor.person_id, person_ids=new
    )
    return foreign | set(unknown)
