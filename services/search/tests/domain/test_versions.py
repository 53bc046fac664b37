"""SRC-3: in any order and with any repeats, the newest version wins."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search.domain.documents import MAX_ID_BYTES, Document, Unreadable, newest, without_marks
from search.kinds.message import TYPE as MESSAGE


def document(id_: str, version: int, *, gone: bool = False) -> Document:
    return Document(type=MESSAGE, id=id_, tenant_id="ten_a", version=version, gone=gone)


arrivals = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5)), max_size=30)


def stored(batches: Sequence[Sequence[Document]]) -> dict[str, int]:
    """Return the content of an index with external versions after these batches."""
    index: dict[str, int] = {}
    for batch in batches:
        for _, each in newest((None, each) for each in batch):
            if each.version >= index.get(each.id, 0):
                index[each.id] = each.version
    return index


@given(arrivals)
def test_src_03_a_batch_keeps_the_highest_version_of_each(names: list[tuple[str, int]]) -> None:
    documents = [document(*each) for each in names]

    kept = [each for _, each in newest((None, each) for each in documents)]

    assert len({each.id for each in kept}) == len(kept)
    for id_ in {name for name, _ in names}:
        expected = max(version for name, version in names if name == id_)
        assert [each.version for each in kept if each.id == id_] == [expected]


@given(arrivals, st.randoms(use_true_random=False), st.integers(1, 7))
def test_src_03_order_repetition_and_batching_change_nothing(
    names: list[tuple[str, int]], random: object, size: int
) -> None:
    documents = [document(*each) for each in names]
    shuffled = documents * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    batches = [shuffled[start : start + size] for start in range(0, len(shuffled), size)]

    assert stored(batches) == stored([documents])


def test_src_03_of_equal_versions_the_later_one_stays_with_its_companion() -> None:
    first, second = document("a", 2), document("a", 2, gone=True)

    assert newest([("one", first), ("two", second), ("old", document("a", 1))]) == [("two", second)]


@pytest.mark.parametrize(("id_", "version"), [("", 1), ("x" * (MAX_ID_BYTES + 1), 1), ("a", 0)])
def test_what_no_index_can_hold_is_unreadable(id_: str, version: int) -> None:
    with pytest.raises(Unreadable):
        document(id_, version)


def test_texts_lose_the_characters_that_mark_matches() -> None:
    assert without_marks("a\x02b\x03c") == "abc"
