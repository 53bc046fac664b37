import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search.domain.paging import Place, page_size, place, token
from search.domain.refusals import InvalidPageToken

PLACE = Place(score=1.25, at=1_772_413_200_000, id="msg_1")


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(1 << 61), 1 << 61),
    st.text(max_size=50),
)
def test_a_token_brings_its_place_back(score: float, at: int, id_: str) -> None:
    made = Place(score=score, at=at, id=id_)

    assert place(token(made, search="s"), search="s") == made


def test_no_token_is_the_first_page() -> None:
    assert place("", search="s") is None


@pytest.mark.parametrize(
    "broken",
    [
        "x",
        "x" * 2000,
        "AAAA",
        base64.urlsafe_b64encode(b"[1,2,3,4]").decode(),
        base64.urlsafe_b64encode(b"{}").decode(),
        token(PLACE, search="another"),
        token(Place(score=float("inf"), at=1, id="a"), search="s"),
        token(PLACE, search="s")[:-3],
    ],
)
def test_a_token_of_another_search_is_refused(broken: str) -> None:
    with pytest.raises(InvalidPageToken):
        place(broken, search="s")


@pytest.mark.parametrize(("asked", "size"), [(0, 20), (1, 1), (100, 100), (101, 100), (-5, 1)])
def test_page_sizes_are_bounded(asked: int, size: int) -> None:
    assert page_size(asked) == size
