"""Notifications of an audience: decisions, claim and facts in one transaction (NTF-1).

A transaction has a part: the whole audiences of many small events, or some hundred members of a
large one. The claim of an event stores how far its audience was notified, so a repeated event
continues there, and one that is done has no effect (NTF-2).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from plexuskit.errors import DependencyDown
from plexuskit.ids import new_id
from plexuskit.mongo import DuplicateKey, Transaction

from notify import events
from notify.domain.kinds import MESSAGE
from notify.domain.notifications import Delivery, Notification, is_read_through
from notify.domain.people import Person, locale_of, zone_of
from notify.domain.pipeline import DeliveryContext, decide_email, decide_in_app
from notify.domain.preferences import Preferences
from notify.domain.requests import NotificationRequest, Recipient
from notify.domain.wording import ATTACHMENT, Wording, render
from notify.operations.notifications import mark_covered
from notify.store import Store
from notify.store.claims import Advance, Claim

PART: Final = 250
# After a rebalance another consumer may process the same events: then it makes progress, too.
_FRUITLESS_ROUNDS: Final = 8

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The next recipients of one request, and the claim of its event before them."""

    request: NotificationRequest
    recipients: tuple[Recipient, ...]
    previous: Claim | None
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """State of the recipients of a part.

    `through` has read positions, `muted` has (conversation, person).
    """

    people: dict[str, Person]
    preferences: dict[str, Preferences]
    through: dict[tuple[str, str, int], int]
    muted: set[tuple[str, str]]


async def create_notifications(
    store: Store, *, requests: Sequence[NotificationRequest], jitter: timedelta, now: datetime
) -> None:
    """Notify every audience, each member once, also when events repeat or a run was interrupted.

    Args:
        store: the service's database.
        requests: each with its own event id; one without recipients has no effect.
        jitter: the longest time after quiet hours in which a deferred mail leaves (NTF-4).
        now: the current time.

    Raises:
        DependencyDown: the database is away, or another consumer keeps processing the same events.
    """
    # The same event can come twice: the last one that was published before a crash.
    by_event = {request.event_id: request for request in requests if request.recipients}
    wanted = list(by_event.values())
    if not wanted:
        return
    fruitless, previous = 0, None
    while fruitless < _FRUITLESS_ROUNDS:
        claims = await store.claims.find(by_event)
        fruitless = fruitless + 1 if claims == previous else 0
        previous = claims
        try:
            for part in parts(wanted, claims=claims):
                await _notify(store, part, jitter=jitter, now=now)
            break
        except DuplicateKey as overtaken:
            log.info("raising.overtaken", index=overtaken.index)
    else:
        raise DependencyDown(dependency="notify", problem="the same events are worked on elsewhere")
    # A cursor that moved while the notifications were made did not see them; they see it.
    await mark_covered(store, places=_places(wanted), read_on=False, now=now)


def parts(
    requests: Sequence[NotificationRequest], *, claims: dict[str, Claim]
) -> Iterator[tuple[Batch, ...]]:
    """Yield the recipients who are still to be notified, in parts of at most `PART`."""
    part: list[Batch] = []
    room = PART
    for request in requests:
        claim = claims.get(request.event_id)
        if claim is not None and claim.done:
            continue
        rest = tuple(
            each for each in request.recipients if claim is None or each.person_id > claim.through
        )
        while rest or claim is None or not claim.done:
            if part and (room == 0 or len(rest) > room):
                yield tuple(part)
                part, room = [], PART
            now, rest = rest[:room], rest[room:]
            batch = Batch(request=request, recipients=now, previous=claim, last=not rest)
            part.append(batch)
            room -= len(now)
            claim = claim_after(batch)
    if part:
        yield tuple(part)


def claim_after(batch: Batch) -> Claim:
    """Return the claim of an event after a batch of its audience."""
    through = batch.previous.through if batch.previous else ""
    if batch.recipients:
        through = batch.recipients[-1].person_id
    return Claim(event_id=batch.request.event_id, through=through, done=batch.last)


async def _notify(store: Store, part: Sequence[Batch], *, jitter: timedelta, now: datetime) -> None:
    lookup = await _look_up(store, part, now=now)
    drafts = [
        [
            _notification(batch.request, recipient, lookup, jitter=jitter, now=now)
            for recipient in batch.recipients
            if not _is_app(lookup.people.get(recipient.person_id))
        ]
        for batch in part
    ]

    async def work(tx: Transaction) -> int:
        keys = {draft.dedupe_key for of_one in drafts for draft in of_one}
        told = await store.notifications.known(keys, tx=tx)
        fresh: list[Notification] = []
        advances: list[Advance] = []
        for batch, of_one in zip(part, drafts, strict=True):
            new = [draft for draft in of_one if draft.dedupe_key not in told]
            told |= {draft.dedupe_key for draft in new}
            fresh += new
            # Apps are addressed like people but are not part of an audience: they do not read.
            advances.append(
                Advance(
                    claim=claim_after(batch),
                    previous=batch.previous,
                    audience=len(of_one),
                    repeated=len(of_one) - len(new),
                )
            )
        if not await store.claims.advance(advances, now=now, tx=tx):
            raise DuplicateKey(index="claims", key={})
        await store.notifications.add(fresh, tx=tx)
        shown = [events.raised(draft, now=now) for draft in fresh if draft.in_inbox]
        await store.outbox.add(*shown, tx=tx)
        return len(fresh)

    count = await store.transact(work)
    log.info("notifications.raised", events=len(part), notifications=count)


async def _look_up(store: Store, part: Sequence[Batch], *, now: datetime) -> Lookup:
    ids = {each.person_id for batch in part for each in batch.recipients}
    places = {place for batch in part for place in _places_of(batch.request, batch.recipients)}
    return Lookup(
        people=await store.people.find(ids),
        preferences=await store.preferences.find(ids),
        through=await store.conversations.read_through(places),
        muted=await store.mutes.muted({place[:2] for place in places}, now=now),
    )


def _notification(
    request: NotificationRequest,
    recipient: Recipient,
    lookup: Lookup,
    *,
    jitter: timedelta,
    now: datetime,
) -> Notification:
    source, person_id = request.source, recipient.person_id
    person = lookup.people.get(person_id)
    locale = locale_of(person)
    preferences = lookup.preferences[person_id]
    passes_mute = request.urgent or recipient.by_name
    context = DeliveryContext(
        person=person,
        preferences=preferences,
        own=person_id == source.actor_id,
        silent=request.silent,
        readable=recipient.readable,
        read=not request.after_reading
        and is_read_through(
            source,
            conversation=lookup.through.get((source.conversation_id, person_id, 0), 0),
            thread=lookup.through.get((source.conversation_id, person_id, source.root_seq), 0),
        ),
        muted=not passes_mute and (source.conversation_id, person_id) in lookup.muted,
    )
    in_app = decide_in_app(new_id("dlv", now=now), context, kind=recipient.kind, now=now)
    email: Delivery = decide_email(
        new_id("dlv", now=now), context, kind=recipient.kind, now=now, jitter=jitter
    )
    zone = zone_of(person, chosen=preferences.quiet_hours.time_zone)
    return Notification(
        id=new_id("ntf", now=now),
        tenant_id=request.tenant_id,
        person_id=person_id,
        kind=recipient.kind,
        title=render(recipient.wording, locale=locale, zone=zone),
        # A recipient who may not read the source gets no text of it in the ledger either.
        body=_body(request, locale=locale, zone=zone) if recipient.readable else "",
        source=source,
        step=request.step,
        event_id=request.event_id,
        created_at=now,
        read=context.read,
        in_app=in_app,
        email=email,
        confidential=request.confidential,
        passes_mute=passes_mute,
        after_reading=request.after_reading,
    )


def _body(request: NotificationRequest, *, locale: str, zone: ZoneInfo) -> str:
    if isinstance(request.body, Wording):
        return render(request.body, locale=locale, zone=zone)
    return request.body or ATTACHMENT.to(locale)


def _is_app(person: Person | None) -> bool:
    return person is not None and person.is_app


def _places(requests: Sequence[NotificationRequest]) -> set[tuple[str, str, int]]:
    return {place for request in requests for place in _places_of(request, request.recipients)}


def _places_of(
    request: NotificationRequest, recipients: Sequence[Recipient]
) -> Iterator[tuple[str, str, int]]:
    source = request.source
    if source.kind != MESSAGE:
        return
    for recipient in recipients:
        yield source.conversation_id, recipient.person_id, 0
        if source.root_seq:
            yield source.conversation_id, recipient.person_id, source.root_seq
