"""Numbers of a log (MSG-1)."""

from hypothesis import given
from hypothesis import strategies as st
from messaging.log.domain.entries import EMPTY, Head, entry_id, next_change, next_post

STEPS = st.lists(st.booleans(), max_size=40)


def run(steps):
    head, numbers = EMPTY, []
    for is_post in steps:
        given_numbers = next_post(head, root_seq=0) if is_post else next_change(head)
        numbers.append(given_numbers)
        head = Head(given_numbers.change_no, given_numbers.seq, head.chain_hash, head.chain_version)
    return numbers


@given(STEPS)
def test_msg_01_change_numbers_are_dense_over_all_and_seq_over_messages(steps):
    numbers = run(steps)

    assert [n.change_no for n in numbers] == list(range(1, len(steps) + 1))
    posts = [n.seq for n, is_post in zip(numbers, steps, strict=True) if is_post]
    assert posts == list(range(1, len(posts) + 1))


@given(st.integers(1, 10**12 - 1), st.integers(1, 10**12 - 1))
def test_entry_ids_sort_like_their_numbers(one, other):
    assert (entry_id("cnv_1", one) < entry_id("cnv_1", other)) == (one < other)
