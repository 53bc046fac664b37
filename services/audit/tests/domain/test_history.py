"""The law of the history: the order in which states arrive makes no difference."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from audit.domain.history import FOREVER, NO_VERSION, Interval, Known, Relation, State, insert
from hypothesis import given
from hypothesis import strategies as st

BEGAN = datetime(2026, 3, 2, tzinfo=UTC)
PART = "group:grp_1"


def at(version: int) -> datetime:
    return BEGAN + timedelta(hours=version)


def state(version: int, members: frozenset[str]) -> State:
    return State(
        tenant_id="ten_a",
        part=PART,
        version=version,
        at=at(version),
        relations=frozenset(Relation(PART, "member", member) for member in members),
    )


def intervals(states: Sequence[State]) -> set[Interval]:
    """Insert states in the order given."""
    kept: set[Interval] = set()
    known: set[int] = set()
    for each in states:
        later = sorted(version for version in known if version > each.version)
        after = Known(version=later[0], at=at(later[0])) if later else None
        done = insert(each, around=kept, after=after, changed=())
        assert set(done.gone) <= kept
        kept = (kept - set(done.gone)) | set(done.made)
        known.add(each.version)
    return kept


MEMBERS = st.frozensets(st.sampled_from("abcd"))


@given(st.lists(MEMBERS, min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_every_order_of_arrival_gives_the_same_intervals(
    history: list[frozenset[str]], random: object
) -> None:
    states = [state(version, members) for version, members in enumerate(history, start=1)]
    shuffled = list(states)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert intervals(shuffled) == intervals(states)


@given(st.lists(MEMBERS, min_size=1, max_size=7))
def test_intervals_hold_exactly_what_the_states_said(history: list[frozenset[str]]) -> None:
    kept = intervals([state(version, each) for version, each in enumerate(history, start=1)])

    for version, members in enumerate(history, start=1):
        then = {each.relation.subject for each in kept if each.from_at <= at(version) < each.to_at}
        assert then == members
        assert then == {each.relation.subject for each in kept if each.holds(version)}


def test_a_relation_that_goes_on_has_no_end() -> None:
    (interval,) = intervals([state(3, frozenset("a")), state(4, frozenset("a"))])

    assert (interval.from_version, interval.to_version) == (3, NO_VERSION)
    assert (interval.from_at, interval.to_at) == (at(3), FOREVER)
