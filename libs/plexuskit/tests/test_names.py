"""Characters of a name: none that hide, none that turn the direction of their surroundings."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plexuskit.errors import InvalidArgument
from plexuskit.names import clean_line, clean_name, mixes_scripts, without_tricks

FAMILY = "👩\u200d💻"
HEART = "❤\ufe0f\u200d🔥"
PERSIAN = "می\u200cخواهم"
HINDI = "क्\u200dष"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("  项目   一 \n组 ", "项目 一 组"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\u2066b\u2069c\u200e\u200f\u061cd", "abcd"),
        ("ad\u200bm\u200ci\u200dn\u2060\ufeff\u00ad", "admin"),
        ("a\x00b\x1b[31mc\x7f\x9bd", "ab[31mcd"),
        ("tag\U000e0041\U000e007f", "tag"),
        ("pua\ue000\U000f0000x", "puax"),
        ("e\u0301", "é"),
        ("e\u200b\u0301", "é"),
        ("x\ufe0fy\U000e0100", "xy"),
        ("\ud800lone", "lone"),
        ("a\u3164b\u2800c", "abc"),
        ("a\u3000b\u2028c\u0085d", "a b c d"),
    ],
)
def test_tricks_are_taken_out_of_names(typed: str, shown: str) -> None:
    assert clean_name(typed, field="name", max_chars=50) == shown


@pytest.mark.parametrize(
    "name", [FAMILY, HEART, PERSIAN, HINDI, "1\ufe0f\u20e3", "张伟", "O'Brien", "Zoë", "שלום"]
)
def test_what_a_script_or_an_emoji_needs_stays(name: str) -> None:
    assert clean_name(name, field="name", max_chars=50) == name


@pytest.mark.parametrize(
    "empty", ["", "  \t", "\u200b\u2060", "\u202e", "\u3164\u2800", "\u0301", "\x00"]
)
def test_a_name_that_shows_nothing_is_refused_by_its_field(empty: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        clean_name(empty, field="topic", max_chars=50)
    assert refused.value.metadata["field"] == "topic"
    if not any(map(unicodedata.combining, empty)):
        assert clean_line(empty, field="topic", max_chars=50) == ""


def test_length_counts_what_is_left_and_absurd_texts_are_refused_unread() -> None:
    assert clean_name("\u200b".join("abcde"), field="name", max_chars=5) == "abcde"
    for text in ("abcdef", "\u200b" * 1_000):
        with pytest.raises(InvalidArgument):
            clean_name(text, field="name", max_chars=5)


@given(st.text(st.characters(exclude_categories=())))
def test_cleaning_again_changes_nothing_and_leaves_nothing_that_turns_or_breaks(text: str) -> None:
    clean = without_tricks(text)
    assert without_tricks(clean) == clean
    assert len(clean.splitlines()) <= 1
    assert not set(clean) & set("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2069\x1b")
    assert unicodedata.is_normalized("NFC", clean)


@pytest.mark.parametrize(
    "name", ["CRM系统", "東京タワー", "카카오 Talk", "Zoë", "Иван", "张-wei.2"]
)
def test_scripts_that_are_written_together_are_no_mixture(name: str) -> None:
    assert not mixes_scripts(name)


@pytest.mark.parametrize("name", ["раypal", "аdmin", "ρaul", "оffice"])
def test_letters_of_another_script_among_latin_ones_are_a_mixture(name: str) -> None:
    assert mixes_scripts(name)
