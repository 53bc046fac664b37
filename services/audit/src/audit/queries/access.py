"""Explanations of access, and lists of people with access at a time (GW-3)."""

import asyncio
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from plexus_access.asked_kinds import asked_kinds
from plexus_access.engine import WITH_MEMBERS, Ask, Engine
from plexus_access.explain import READING, Explanation, Step, Viewer, explain, who_can_see
from plexus_access.objects import PERSON, TASK, TENANT, Object, object_of
from plexus_access.roles import PERMISSIONS
from plexuskit.clock import to_milliseconds
from plexuskit.errors import InvalidArgument
from plexuskit.paging import Listing, cut, from_milliseconds
from plexuskit.paging import to_milliseconds as as_number

from audit.domain.refusals import (
    HistoryNotBegun,
    ObjectNotFound,
    SubjectNotFound,
    TimeTooEarly,
)
from audit.queries.entries import page_limit
from audit.queries.past import load_state
from audit.store import Store

EXPLAIN_OTHERS: Final = "access.explain_others"
MAX_SCOPES: Final = 100
_KEPT: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Caller, from the signed context.

    Attributes:
        scopes: permissions that an API token is limited to; empty for people.
        app: true for an API token.
        second_factor: true if the session used one.
    """

    tenant_id: str
    person_id: str
    scopes: frozenset[str] = frozenset()
    app: bool = False
    second_factor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A decision of a time, with the steps that led to it."""

    explanation: Explanation
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewers:
    """A page of the people who could see an object, and their total number."""

    viewers: tuple[Viewer, ...]
    next_page_token: str
    total: int
    as_of: datetime


async def explain_access(
    store: Store,
    *,
    asker: Asker,
    subject: str,
    permission: str,
    object: str,  # noqa: A002 - the contract's word
    scopes: Collection[str] = (),
    second_factor: bool = False,
    at: datetime | None,
    now: datetime,
) -> Explained:
    """Return the grounds on which the gateway allows or refuses a call with a permission at a time.

    An absent object and one out of the subject's reach get the same answer, with the same queries
    to the store (GW-2).

    Args:
        store: the history.
        asker: the caller; for another subject they need `access.explain_others`.
        subject: `person:<id>`.
        permission: name in the contracts.
        object: for example `task:<id>`; empty for a call without one.
        scopes: permissions that an API token is limited to; none for a session, or for the asker's
            own token.
        second_factor: whether the session used one; for the asker, their own session decides.
        at: the time; None for now.
        now: current time.

    Refusals: InvalidArgument, SubjectNotFound, TimeTooEarly, HistoryNotBegun.
    """
    kind, _, person_id = subject.partition(":")
    if kind != PERSON or not person_id:
        raise InvalidArgument(field="subject", problem="is not written person:<id>")
    if permission not in PERMISSIONS:
        raise InvalidArgument(field="permission", problem="is none that the contracts name")
    if len(scopes) > MAX_SCOPES:
        raise InvalidArgument(field="scopes", problem=f"holds more than {MAX_SCOPES}")
    if not PERMISSIONS.issuperset(scopes):
        raise InvalidArgument(field="scopes", problem="holds one that the contracts do not name")
    about = _object(object) if object else None
    as_of = await _time(store, at, now=now)
    if person_id != asker.person_id:
        asked = Object(PERSON, person_id)
        if not await _may_ask(store, asker, about=asked, now=now):
            raise SubjectNotFound(subject=subject)
    state = await load_state(
        store, tenant_id=asker.tenant_id, people=[person_id], object_=about, at=as_of
    )
    own = person_id == asker.person_id
    limits = frozenset(scopes) or (asker.scopes if own else frozenset())
    ask = Ask(
        person_id=person_id,
        permission=permission,
        object=about,
        scopes=limits,
        app=bool(limits) or (own and asker.app),
        second_factor=second_factor or (own and asker.second_factor and not scopes),
        unasked=about is not None and about.kind not in asked_kinds(permission),
    )
    found = explain(Engine(state), ask, now=as_of)
    steps = tuple(_without_existence(step) for step in found.steps)
    return Explained(explanation=replace(found, steps=steps), as_of=as_of)


class Witnesses:
    """Finds the people who could see objects; caches the last answers for their next pages."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[str, Object, datetime], list[Viewer]] = OrderedDict()

    async def who_can_see(
        self,
        *,
        asker: Asker,
        object: str,  # noqa: A002 - the contract's word
        at: datetime | None,
        page_size: int,
        page_token: str,
        now: datetime,
    ) -> Viewers:
        """List all people who could see an object at a time, in order of their ids.

        Args:
            asker: the caller; holds `access.explain_others` for the tenant.
            object: of a kind that has viewers.
            at: the time; None for now, the same now on each page.
            page_size: 1 to 1,000; 0 means 100.
            page_token: the end of the previous page.
            now: current time.

        Refusals: InvalidArgument, InvalidPageToken, ObjectNotFound, TimeTooEarly, HistoryNotBegun.
        """
        about = _object(object)
        if about.kind not in READING:
            raise InvalidArgument(field="object", problem=f"must be one of {', '.join(READING)}")
        limit = page_limit(page_size)
        asked_at = str(as_number(at)) if at else ""
        listing = Listing(name="audit.viewers", filters=(asker.tenant_id, object, asked_at))
        position = listing.position(page_token, shape=(int, str))
        wanted = from_milliseconds(int(position[0])) if position else at
        as_of = await _time(self._store, wanted, now=now)

        tenant = Object(TENANT, asker.tenant_id)
        if not await _may_ask(self._store, asker, about=tenant, now=now):
            raise ObjectNotFound(object=object)
        key = (asker.tenant_id, about, as_of)
        # Only later pages come from memory: facts of that time may still arrive.
        viewers = self._kept.get(key) if position else None
        if viewers is None:
            viewers = self._keep(key, await _who(self._store, asker.tenant_id, about, at=as_of))
        first = bisect_right(viewers, str(position[1]), key=_id_of) if position else 0
        page, more = cut(viewers[first : first + limit + 1], limit=limit, size_of=_size)
        return Viewers(
            viewers=tuple(page),
            next_page_token=listing.token(as_number(as_of), _id_of(page[-1])) if more else "",
            total=len(viewers),
            as_of=as_of,
        )

    def _keep(self, key: tuple[str, Object, datetime], viewers: list[Viewer]) -> list[Viewer]:
        self._kept[key] = viewers
        self._kept.move_to_end(key)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return viewers


def _id_of(viewer: Viewer) -> str:
    return viewer.person_id


def _size(viewer: Viewer) -> int:
    """Return about how many bytes a viewer takes on a page."""
    return sum(len(each.encode()) + 4 for each in (viewer.person_id, viewer.rule, *viewer.path))


async def _who(store: Store, tenant_id: str, about: Object, *, at: datetime) -> list[Viewer]:
    known = await store.past.of_objects(tenant_id, [str(about)], at=at)
    if not known:
        raise ObjectNotFound(object=str(about))
    people: list[str] | None = None
    if about.kind in WITH_MEMBERS:
        # Only members reach these.
        projects = [each.subject for each in known if each.relation == "project"]
        within = projects if about.kind == TASK and projects else [str(about)]
        members = await store.past.members(tenant_id, within, people=None, at=at)
        people = [each.subject.partition(":")[2] for each in members]
    state = await load_state(store, tenant_id=tenant_id, people=people, object_=about, at=at)
    # A decision for each of thousands of people: others are answered meanwhile.
    return await asyncio.to_thread(who_can_see, Engine(state), about, now=at)


async def _may_ask(store: Store, asker: Asker, *, about: Object, now: datetime) -> bool:
    """Return whether the caller may ask about others, now and for that object."""
    state = await load_state(
        store, tenant_id=asker.tenant_id, people=[asker.person_id], object_=about, at=now
    )
    return Engine(state).decide(ask_of(asker, EXPLAIN_OTHERS, about), now=now).allowed


def ask_of(asker: Asker, permission: str, about: Object | None) -> Ask:
    """Return the question that a call of the asker's raises."""
    return Ask(
        person_id=asker.person_id,
        permission=permission,
        object=about,
        scopes=asker.scopes,
        app=asker.app,
        second_factor=asker.second_factor,
    )


async def _time(store: Store, at: datetime | None, *, now: datetime) -> datetime:
    begins_at = await store.history.begins_at()
    if begins_at is None:
        raise HistoryNotBegun
    if at is None:
        return now
    if at > now:
        raise InvalidArgument(field="at", problem="lies in the future")
    if at < begins_at:
        raise TimeTooEarly(begins_at=begins_at.isoformat(timespec="milliseconds"))
    return to_milliseconds(at)


def _object(written: str) -> Object:
    try:
        return object_of(written)
    except ValueError as error:
        raise InvalidArgument(field="object", problem="is not written kind:<id>") from error


def _without_existence(step: Step) -> Step:
    """Use the same name for out-of-reach and absent objects (GW-2)."""
    kind, _, rest = step.rule.partition(":")
    return replace(step, rule=f"scope:{rest}") if kind == "object" else step
