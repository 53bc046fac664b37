import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plexuskit.paging import InvalidPageToken
from search.domain.paging import KEY_BYTES, PageTokens, Place, page_size

PLACE = Place(score=1.25, at=1_772_413_200_000, id="msg_1")
TOKENS = PageTokens(lambda: b"k" * KEY_BYTES)
OTHERS = PageTokens(lambda: b"o" * KEY_BYTES)


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(1 << 61), 1 << 61),
    st.text(st.characters(codec="utf-8"), max_size=50),
)
def test_a_token_brings_its_place_back(score: float, at: int, id_: str) -> None:
    made = Place(score=score, at=at, id=id_)

    assert TOKENS.place(TOKENS.token(made, search="s"), search="s") == made


def test_no_token_is_the_first_page() -> None:
    assert TOKENS.place("", search="s") is None


def test_src_01_a_token_does_not_show_the_document_it_stands_at() -> None:
    token = TOKENS.token(PLACE, search="s")

    content = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for part in (b"msg_1", b"1.25", b"1772413200000"):
        assert part not in content
    assert token == TOKENS.token(PLACE, search="s")


@given(st.integers(0, 60), st.integers(0, 7))
def test_a_token_with_any_bit_changed_is_refused(position: int, bit: int) -> None:
    token = TOKENS.token(PLACE, search="s")
    content = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    content[position % len(content)] ^= 1 << bit

    with pytest.raises(InvalidPageToken):
        TOKENS.place(base64.urlsafe_b64encode(bytes(content)).decode(), search="s")


@pytest.mark.parametrize(
    "broken",
    [
        "x",
        "x" * 2000,
        "AAAA",
        "好" * 8,
        base64.urlsafe_b64encode(b"[1,2,3,4]").decode(),
        base64.urlsafe_b64encode(b"{}").decode(),
        TOKENS.token(PLACE, search="another"),
        OTHERS.token(PLACE, search="s"),
        TOKENS.token(Place(score=float("inf"), at=1, id="a"), search="s"),
        TOKENS.token(PLACE, search="s")[:-3],
    ],
)
def test_a_token_of_another_search_is_refused(broken: str) -> None:
    with pytest.raises(InvalidPageToken):
        TOKENS.place(broken, search="s")


@pytest.mark.parametrize(("asked", "size"), [(0, 20), (1, 1), (100, 100), (101, 100), (-5, 1)])
def test_page_sizes_are_bounded(asked: int, size: int) -> None:
    assert page_size(asked) == size
