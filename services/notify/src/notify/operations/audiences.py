"""Telling an audience: decide for each member; decision, claim and facts go together (NTF-1).

What is written in one transaction is a part: the whole audience of many small events, or some
hundred members of a large one. The claim of an event says how far its audience was told, so a
repeat goes on where the last one ended, and a repeat of what is done does nothing (NTF-2).
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
from notify.domain.pipeline import Circumstances, decide_email, decide_in_app
from notify.domain.preferences import Preferences
from notify.domain.requests import Addressee, Occasion
from notify.domain.wording import ATTACHMENT, Wording, render
from notify.operations.notifications import mark_covered
from notify.store import Store
from notify.store.claims import Advance, Claim

PART: Final = 250
# Somebody else may work on the same events, after a rebalance: then they, too, make progress.
_FRUITLESS_ROUNDS: Final = 8

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """The next members of one event's audience, and the claim as it is before and after them."""

    occasion: Occasion
    addressees: tuple[Addressee, ...]
    previous: Claim | None
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What notify knows of the people of a part.

    `through` is how far they have read, `muted` are (conversation, person).
    """

    people: dict[str, Person]
    preferences: dict[str, Preferences]
    through: dict[tuple[str, str, int], int]
    muted: set[tuple[str, str]]


async def raise_occasions(
    store: Store, *, occasions: Sequence[Occasion], jitter: timedelta, now: datetime
) -> None:
    """Tell every audience, each member once, whatever is repeated or was cut off before.

    Args:
        store: the service's database.
        occasions: what happened, each with its own event id; those without audience are no effect.
        jitter: within what time after quiet hours a deferred mail leaves (NTF-4).
        now: the present instant.

    Raises:
        DependencyDown: the database is away, or others kept working on the same events.
    """
    # A batch can hold the same event twice: the last one that was published before a crash.
    by_event = {occasion.event_id: occasion for occasion in occasions if occasion.addressees}
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
                await _tell(store, part, jitter=jitter, now=now)
            break
        except DuplicateKey as overtaken:
            log.info("raising.overtaken", index=overtaken.index)
    else:
        raise DependencyDown(dependency="notify", problem="the same events are worked on elsewhere")
    # A cursor that moved while the notifications were made did not see them; they see it.
    await mark_covered(store, places=_places(wanted), now=now)


def parts(
    occasions: Sequence[Occasion], *, claims: dict[str, Claim]
) -> Iterator[tuple[Telling, ...]]:
    """Yield what is still to be told, in parts of at most `PART` people."""
    part: list[Telling] = []
    room = PART
    for occasion in occasions:
        claim = claims.get(occasion.event_id)
        if claim is not None and claim.done:
            continue
        rest = tuple(
            each for each in occasion.addressees if claim is None or each.person_id > claim.through
        )
        while rest or claim is None or not claim.done:
            if part and (room == 0 or len(rest) > room):
                yield tuple(part)
                part, room = [], PART
            now, rest = rest[:room], rest[room:]
            telling = Telling(occasion=occasion, addressees=now, previous=claim, last=not rest)
            part.append(telling)
            room -= len(now)
            claim = claim_after(telling)
    if part:
        yield tuple(part)


def claim_after(telling: Telling) -> Claim:
    """Return the claim of an event after some more of its audience were told."""
    through = telling.previous.through if telling.previous else ""
    if telling.addressees:
        through = telling.addressees[-1].person_id
    return Claim(event_id=telling.occasion.event_id, through=through, done=telling.last)


async def _tell(store: Store, part: Sequence[Telling], *, jitter: timedelta, now: datetime) -> None:
    known = await _look_up(store, part, now=now)
    drafts = [
        [
            _notification(telling.occasion, addressee, known, jitter=jitter, now=now)
            for addressee in telling.addressees
            if not _is_app(known.people.get(addressee.person_id))
        ]
        for telling in part
    ]

    async def work(tx: Transaction) -> int:
        keys = {draft.dedupe_key for of_one in drafts for draft in of_one}
        told = await store.notifications.known(keys, tx=tx)
        fresh: list[Notification] = []
        advances: list[Advance] = []
        for telling, of_one in zip(part, drafts, strict=True):
            new = [draft for draft in of_one if draft.dedupe_key not in told]
            told |= {draft.dedupe_key for draft in new}
            fresh += new
            # Apps are addressed like people but are no audience: nobody reads there.
            advances.append(
                Advance(
                    claim=claim_after(telling),
                    previous=telling.previous,
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


async def _look_up(store: Store, part: Sequence[Telling], *, now: datetime) -> Known:
    ids = {each.person_id for telling in part for each in telling.addressees}
    places = {
        place for telling in part for place in _places_of(telling.occasion, telling.addressees)
    }
    return Known(
        people=await store.people.find(ids),
        preferences=await store.preferences.find(ids),
        through=await store.conversations.read_through(places),
        muted=await store.mutes.muted({place[:2] for place in places}, now=now),
    )


def _notification(
    occasion: Occasion, addressee: Addressee, known: Known, *, jitter: timedelta, now: datetime
) -> Notification:
    source, person_id = occasion.source, addressee.person_id
    person = known.people.get(person_id)
    locale = locale_of(person)
    preferences = known.preferences[person_id]
    passes_mute = occasion.urgent or addressee.by_name
    circumstances = Circumstances(
        person=person,
        preferences=preferences,
        own=person_id == source.actor_id,
        quiet=occasion.quiet,
        readable=addressee.readable,
        read=is_read_through(
            source,
            conversation=known.through.get((source.conversation_id, person_id, 0), 0),
            thread=known.through.get((source.conversation_id, person_id, source.root_seq), 0),
        ),
        muted=not passes_mute and (source.conversation_id, person_id) in known.muted,
    )
    in_app = decide_in_app(new_id("dlv", now=now), circumstances, kind=addressee.kind, now=now)
    email: Delivery = decide_email(
        new_id("dlv", now=now), circumstances, kind=addressee.kind, now=now, jitter=jitter
    )
    zone = zone_of(person, chosen=preferences.quiet_hours.time_zone)
    return Notification(
        id=new_id("ntf", now=now),
        tenant_id=occasion.tenant_id,
        person_id=person_id,
        kind=addressee.kind,
        title=render(addressee.wording, locale=locale, zone=zone),
        # Who may not read the source gets no word of it into the ledger either.
        body=_body(occasion, locale=locale, zone=zone) if addressee.readable else "",
        source=source,
        step=occasion.step,
        event_id=occasion.event_id,
        created_at=now,
        read=circumstances.read,
        in_app=in_app,
        email=email,
        confidential=occasion.confidential,
        passes_mute=passes_mute,
    )


def _body(occasion: Occasion, *, locale: str, zone: ZoneInfo) -> str:
    if isinstance(occasion.body, Wording):
        return render(occasion.body, locale=locale, zone=zone)
    return occasion.body or ATTACHMENT.to(locale)


def _is_app(person: Person | None) -> bool:
    return person is not None and person.is_app


def _places(occasions: Sequence[Occasion]) -> set[tuple[str, str, int]]:
    return {place for occasion in occasions for place in _places_of(occasion, occasion.addressees)}


def _places_of(
    occasion: Occasion, addressees: Sequence[Addressee]
) -> Iterator[tuple[str, str, int]]:
    source = occasion.source
    if source.kind != MESSAGE:
        return
    for addressee in addressees:
        yield source.conversation_id, addressee.person_id, 0
        if source.root_seq:
            yield source.conversation_id, addressee.person_id, source.root_seq
