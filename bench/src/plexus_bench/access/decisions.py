"""In-process cost of decisions: time with and without policies, and the state's memory."""

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter, perf_counter_ns, process_time, thread_time_ns
from typing import Final

from plexus.authz.v1.authority_pb2 import SnapshotResponse
from plexus_access.decisions import Asker, Decisions
from plexus_access.engine import Ask, Decision, Engine, Reason
from plexus_access.facts import apply
from plexus_access.objects import CONVERSATION
from plexus_access.relations import Gathering
from plexus_access.replica import Replica
from plexus_access.state import State
from plexuskit.clock import SystemClock

from plexus_bench.access.company import TENANT_ID, Company
from plexus_bench.access.facts import TOPICS, directory_frames, policy_facts, roster_frames
from plexus_bench.access.questions import Asking, Question, asks
from plexus_bench.probe import resident
from plexus_bench.tally import percentile

_ACTIONS: Final = ", ".join(
    f'Plexus::Action::"{each}"' for each in ("messages.read", "messages.send", "people.manage")
)
POLICIES: Final = tuple(
    f"forbid(principal, action in [{_ACTIONS}], resource) when {{ {when} }};"
    for when in (
        "principal.guest && context.app",
        'principal.roles.contains("intern") && (context.minute < 480 || context.minute > 1200)',
        'principal.departments.contains("dep_closed") && !context.second_factor',
        'resource.kind == "person" && resource.departments.contains("dep_board")',
        'principal.groups.contains("grp_contractors") && context.weekday > 5',
    )
)
"""Five policies that concern the measured actions, use every attribute, and refuse no request."""

KIB: Final = 1024.0
_ALLOWED: Final = Decision(allowed=True, reason=Reason.GRANTED, rule="")
_REFUSED: Final = Decision(allowed=False, reason=Reason.ROLE, rule="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Figures of many decisions.

    Attributes:
        per_second: decisions in sequence, without reading a clock between them.
        p50_us: wall time; on a shared machine the p99 includes other programs.
        p99_us: wall time.
        cpu_p99_us: processor time, without other programs but with the call of the clock.
        cpu_us: average processor time, without reading a clock between decisions.
    """

    per_second: float
    p50_us: float
    p99_us: float
    cpu_p99_us: float
    cpu_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A state with the cost of its creation.

    Attributes:
        seconds: time from the frames to the state.
        mebibytes: growth of the process.
        bytes_per_membership: that growth per membership; includes people, roles and the rest.
    """

    state: State
    seconds: float
    mebibytes: float
    bytes_per_membership: float


def hold(company: Company, *, now: datetime) -> Held:
    """Create a state from snapshots of a company, as a gateway does, and measure its cost."""
    gc.collect()
    previous, began = resident(os.getpid()), perf_counter()
    state = State(TENANT_ID)
    for topic in TOPICS:
        for data in directory_frames(company, topic=topic, now=now):
            for envelope in SnapshotResponse.FromString(data).facts:
                apply(state, envelope)
    gathered = Gathering()
    for data in roster_frames(company):
        gathered.add(SnapshotResponse.FromString(data).relations)
    state.replace_members(frozenset({CONVERSATION}), gathered.members(TENANT_ID))
    del gathered
    seconds = perf_counter() - began
    gc.collect()
    grown = resident(os.getpid()) - previous
    return Held(
        state=state,
        seconds=seconds,
        mebibytes=grown,
        bytes_per_membership=grown * KIB * KIB / company.memberships,
    )


def with_policies(state: State) -> None:
    """Enable the five policies."""
    for envelope in policy_facts(POLICIES):
        apply(state, envelope)


def cold(state: State, asking: Asking, *, now: datetime) -> Checks:
    """Measure the first question of each person with an engine whose caches are empty."""
    asked = asks(asking.first_of_each())
    return _measured(asked, lambda: Engine(state).decide, now=now)


def warm(state: State, questions: Sequence[Question], *, now: datetime) -> Checks:
    """Measure a mix of questions with an engine whose caches are warm.

    Raises:
        RuntimeError: an answer differs from the one that the company implies.
    """
    engine = Engine(state)
    wrong = [
        each.ask
        for each in questions
        if engine.decide(each.ask, now=now).allowed is not each.allowed
    ]
    if wrong:
        raise RuntimeError(f"{len(wrong)} questions were answered wrong, first {wrong[0]}")
    return _measured(asks(questions), lambda: engine.decide, now=now)


def owned(company: Company, questions: Sequence[Question], *, now: datetime) -> Checks:
    """Measure the same questions at an owner, whose replica of directory has no memberships."""
    replica = Replica()
    replica.begin()
    for topic in TOPICS:
        for data in directory_frames(company, topic=topic, now=now):
            replica.load(SnapshotResponse.FromString(data).facts)
    replica.swap()
    decisions = Decisions(replica, current=lambda: True, clock=SystemClock())

    def decide(ask: Ask, *, now: datetime) -> Decision:  # noqa: ARG001 - as the engine is asked
        asker = Asker(tenant_id=TENANT_ID, person_id=ask.person_id, scopes=ask.scopes, app=ask.app)
        refusal = decisions.refusal(asker, ask.permission, ask.object)
        return _ALLOWED if refusal is None else _REFUSED

    return _measured(asks(questions), lambda: decide, now=now)


def figures(checks: Checks, *, of: str) -> Mapping[str, float]:
    """Return the figures of a measurement by their names in the report."""
    return {
        f"{of}, checks per second": checks.per_second,
        f"{of}, p50 µs": checks.p50_us,
        f"{of}, p99 µs": checks.p99_us,
        f"{of}, p99 µs of CPU": checks.cpu_p99_us,
        f"{of}, mean µs of CPU": checks.cpu_us,
    }


def _measured(
    asked: Sequence[Ask], engine: Callable[[], Callable[..., Decision]], *, now: datetime
) -> Checks:
    """Decide all questions three times: with the wall clock, with CPU time, and without a clock."""
    by_wall = _timed(asked, engine(), perf_counter_ns, now=now)
    by_cpu = _timed(asked, engine(), thread_time_ns, now=now)
    decide = engine()
    began, used = perf_counter(), process_time()
    for ask in asked:
        decide(ask, now=now)
    seconds, cpu = perf_counter() - began, process_time() - used
    return Checks(
        per_second=len(asked) / seconds,
        p50_us=percentile(by_wall, 0.5) or 0.0,
        p99_us=percentile(by_wall, 0.99) or 0.0,
        cpu_p99_us=percentile(by_cpu, 0.99) or 0.0,
        cpu_us=cpu * 1e6 / len(asked),
    )


def _timed(
    asked: Sequence[Ask],
    decide: Callable[..., Decision],
    clock: Callable[[], int],
    *,
    now: datetime,
) -> list[float]:
    """Return the microseconds of each decision."""
    took = [0.0] * len(asked)
    for place, ask in enumerate(asked):
        began = clock()
        decide(ask, now=now)
        took[place] = (clock() - began) / 1000
    return took
