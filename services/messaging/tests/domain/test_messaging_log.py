"""Numbers and the chain of hashes: MSG-1."""

from hypothesis import given
from hypothesis import strategies as st
from messaging.domain.log import EMPTY, EntryKind, Head, entry_id, next_change, next_post

STEPS = st.lists(st.tuples(st.booleans(), st.text(max_size=5), st.binary(max_size=4)), max_size=40)


def run(steps):
    head, numbers = EMPTY, []
    for is_post, entity, content in steps:
        if is_post:
            given_numbers = next_post(head, message_id=entity, content_hash=content, root_seq=0)
        else:
            given_numbers = next_change(
                head, kind=EntryKind.CHANGED, entity_id=entity, content_hash=content
            )
        numbers.append(given_numbers)
        head = Head(given_numbers.change_no, given_numbers.seq, given_numbers.chain_hash)
    return head, numbers


@given(STEPS)
def test_msg_01_change_numbers_are_dense_over_all_and_seq_over_messages(steps):
    _, numbers = run(steps)

    assert [n.change_no for n in numbers] == list(range(1, len(steps) + 1))
    posts = [n.seq for n, (is_post, _, _) in zip(numbers, steps, strict=True) if is_post]
    assert posts == list(range(1, len(posts) + 1))


@given(STEPS, st.data())
def test_any_altered_entry_changes_the_end_of_the_chain(steps, data):
    if not steps:
        return
    at = data.draw(st.integers(0, len(steps) - 1))
    is_post, entity, content = steps[at]
    altered = [*steps]
    altered[at] = (is_post, entity, content + b"!")

    assert run(steps)[0].chain_hash != run(altered)[0].chain_hash


@given(st.integers(1, 10**12 - 1), st.integers(1, 10**12 - 1))
def test_entry_ids_sort_like_their_numbers(one, other):
    assert (entry_id("cnv_1", one) < entry_id("cnv_1", other)) == (one < other)
