"""One canonical form for each emoji, for every code and spelling."""

import pytest
from plexuskit.emoji import canonical_emoji, emoji_of_code, replace_codes, shown_emoji


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("+1", "👍"),
        (":thumbsup:", "👍"),
        ("Thumbsup", "👍"),
        ("👍", "👍"),
        ("👍\ufe0f", "👍"),
        ("❤", "❤️"),
        ("❤\ufe0e", "❤️"),
        ("❤️", "❤️"),
        ("heart", "❤️"),
        ("100", "💯"),
        ("flag-cn", "🇨🇳"),
        ("🤷\u200d♂", "🤷\u200d♂️"),
        ("👍🏽", "👍🏽"),
        ("+1::skin-tone-4", "👍🏽"),
        ("✌️🏽", "✌🏽"),
        ("🤷🏽\u200d♂", "🤷🏽\u200d♂️"),
        ("man-shrugging::skin-tone-4", "🤷🏽\u200d♂️"),
        ("tada::skin-tone-4", "🎉"),
        (":Party-Owl:", "party-owl"),
        ("1", "1"),
        ("收到", "收到"),
        ("", ""),
        ("\ufe0f", "\ufe0f"),
    ],
)
def test_every_form_of_an_emoji_has_one_canonical_form(given: str, expected: str) -> None:
    assert canonical_emoji(given) == expected
    assert canonical_emoji(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("done :tada:", "done 🎉"),
        ("好:tada::+1::skin-tone-2:", "好🎉👍🏻"),
        ("80:100:443", "80:100:443"),
        ("at 10:30:45 and std::vec::x", "at 10:30:45 and std::vec::x"),
        ("a :party-owl: b", "a :party-owl: b"),
        ("no code", "no code"),
    ],
)
def test_codes_in_a_text_become_emoji_and_other_colons_stay(text: str, expected: str) -> None:
    assert replace_codes(text) == expected


def test_custom_emoji_are_shown_in_colons() -> None:
    assert shown_emoji("party-owl") == ":party-owl:"
    assert shown_emoji("thumbsup") == "👍"
    assert emoji_of_code("party-owl") == ""
