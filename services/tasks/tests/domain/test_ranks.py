import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tasks.domain import boards, ranks
from tasks.domain.boards import Card
from tasks.domain.identity import TaskId

KEYS = (
    st.text(alphabet=ranks.ALPHABET, min_size=1, max_size=70)
    .map(lambda text: text.rstrip("0"))
    .filter(bool)
)
SALTS = st.text(max_size=20)


@given(first=KEYS, second=KEYS, salt=SALTS)
def test_tsk_06_there_is_always_a_key_between_two_keys(first: str, second: str, salt: str) -> None:
    if first == second:
        return
    low, high = sorted((first, second))

    key = ranks.between(low=low, high=high, salt=salt)

    assert low < key < high
    assert ranks.is_rank(key)


@given(key=KEYS, salt=SALTS)
def test_tsk_06_there_is_always_a_key_at_both_ends(key: str, salt: str) -> None:
    assert ranks.between(low="", high=key, salt=salt) < key
    assert ranks.between(low=key, high="", salt=salt) > key
    assert ranks.is_rank(ranks.between(low="", high=key, salt=salt))
    assert ranks.is_rank(ranks.between(low=key, high="", salt=salt))


@settings(max_examples=30)
@given(places=st.lists(st.integers(min_value=0, max_value=10_000), max_size=200))
def test_tsk_06_inserting_anywhere_keeps_the_order_people_made(places: list[int]) -> None:
    column: list[str] = []
    for number, place in enumerate(places):
        index = place % (len(column) + 1)
        low = column[index - 1] if index else ""
        high = column[index] if index < len(column) else ""
        column.insert(index, ranks.between(low=low, high=high, salt=str(number)))

    assert column == sorted(column)
    assert len(set(column)) == len(column)


def test_tsk_06_keys_stay_short_at_the_ends_of_a_column() -> None:
    top = bottom = ranks.between(low="", high="", salt="first")
    for number in range(5_000):
        top = ranks.between(low="", high=top, salt=f"top {number}")
        bottom = ranks.between(low=bottom, high="", salt=f"bottom {number}")

    assert len(top) <= 8
    assert len(bottom) <= 8


def test_tsk_06_two_who_use_one_gap_at_the_same_moment_get_different_keys() -> None:
    low = ranks.between(low="", high="", salt="low")
    high = ranks.between(low=low, high="", salt="high")

    keys = {ranks.between(low=low, high=high, salt=f"tsk_{number}") for number in range(100)}

    assert len(keys) == 100


@pytest.mark.parametrize(("low", "high"), [("b", "a"), ("a", "a"), ("a0", ""), ("", "ä")])
def test_tsk_06_neighbours_out_of_order_or_malformed_are_a_fault(low: str, high: str) -> None:
    with pytest.raises(ValueError, match=r"rank key|not before"):
        ranks.between(low=low, high=high, salt="x")


@given(
    bounds=st.lists(st.one_of(st.just(""), KEYS), min_size=2, max_size=2, unique=True),
    count=st.integers(min_value=1, max_value=300),
    salt=SALTS,
)
def test_tsk_06_spread_keys_are_in_order_between_their_bounds(
    bounds: list[str], count: int, salt: str
) -> None:
    low, high = sorted(bounds)
    if low == "" and count % 2:
        low, high = high, low  # the open end above

    keys = ranks.spread(low=low, high=high, count=count, salt=salt)
    again = ranks.spread(low=low, high=high, count=count, taken=set(keys), salt=salt)

    for row in (keys, again):
        assert len(row) == count
        assert list(row) == sorted(set(row))
        assert low < row[0]
        assert not high or row[-1] < high
    assert not set(keys) & set(again)


def test_tsk_06_a_crowded_gap_outgrows_sixty_and_is_spread_back_to_short_keys() -> None:
    column = [ranks.between(low="", high="", salt="anchor")]
    column.append(ranks.between(low=column[0], high="", salt="end"))
    number = 0
    while True:
        number += 1
        key = ranks.between(low=column[0], high=column[1], salt=str(number))
        if len(key) > ranks.MAX_LENGTH:
            break
        column.insert(1, key)
    assert number > 100, "keys grow slowly"
    cards = [Card(task_id=TaskId(f"t{index}"), rank=rank) for index, rank in enumerate(column)]

    spread = boards.spread_around(cards, moved=TaskId("moved"), after=column[0], salt="s")

    changed = {card.task_id: card.rank for card in spread}
    after = [(changed.get(card.task_id, card.rank), card.task_id) for card in cards]
    order = [task_id for _, task_id in sorted([*after, (changed[TaskId("moved")], "moved")])]
    assert order == ["t0", "moved", *(f"t{index}" for index in range(1, len(cards)))]
    assert max(len(card.rank) for card in spread) <= ranks.ROOMY
    fresh = [card.rank for card in spread]
    assert all(
        len(ranks.between(low=low, high=high, salt="x")) <= ranks.ROOMY
        for low, high in itertools.pairwise(fresh)
    )


def test_tsk_06_spreading_touches_only_the_crowded_part() -> None:
    column = [ranks.between(low="", high="", salt="0")]
    for number in range(999):
        column.append(ranks.between(low=column[-1], high="", salt=str(number)))

    first, last = ranks.window(column, around=500)

    assert (first, last) == (484, 516)
