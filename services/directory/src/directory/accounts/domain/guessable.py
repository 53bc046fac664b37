"""Passwords that guessing tries first: common ones, Chinese ones, and those made of the person.

The estimate comes from `zxcvbn`, which knows 30,000 common passwords, keyboard rows, dates and
repetitions. It knows no pinyin: syllables with a number behind or before them (`woaini1314`,
`zhangwei1990`) are recognised here.
"""

import re
from collections.abc import Sequence
from typing import Final

from zxcvbn import zxcvbn

MIN_GUESSES: Final = 1_000_000
"""Estimated number of guesses that a password must withstand."""

MAX_ESTIMATED: Final = 40
"""Characters that are estimated; the cost grows with the square, and longer ones are no easier."""

_MAX_SYLLABLES: Final = 4
_SYLLABLE: Final = (
    "(?:"
    "zh(?:i|a|e|ai|ei|ao|ou|an|en|ang|eng|ong|u|ua|uo|uai|ui|uan|un|uang)"
    "|ch(?:i|a|e|ai|ao|ou|an|en|ang|eng|ong|u|ua|uo|uai|ui|uan|un|uang)"
    "|sh(?:i|a|e|ai|ei|ao|ou|an|en|ang|eng|u|ua|uo|uai|ui|uan|un|uang)"
    "|[bpmf](?:a|o|ai|ei|ao|ou|an|en|ang|eng|i|ie|iao|iu|ian|in|ing|u)"
    "|[dtnl](?:a|e|ai|ei|ao|ou|an|en|ang|eng|ong|i|ia|ie|iao|iu|ian|in|iang|ing|u|uo|ui|uan|un|v|ve|ue)"
    "|[gkh](?:a|e|ai|ei|ao|ou|an|en|ang|eng|ong|u|ua|uo|uai|ui|uan|un|uang)"
    "|[jqx](?:i|ia|ie|iao|iu|ian|in|iang|ing|iong|u|ue|uan|un)"
    "|[rzcs](?:i|a|e|ai|ei|ao|ou|an|en|ang|eng|ong|u|uo|ui|uan|un)"
    "|y(?:i|a|o|e|ao|ou|an|in|ang|ing|ong|u|ue|uan|un)"
    "|w(?:u|a|o|ai|ei|an|en|ang|eng)"
    "|a|o|e|ai|ei|ao|ou|an|en|ang|er"
    ")"
)
_SIGNS: Final = r"[\W_]{0,3}"
_NUMBER: Final = re.compile(r"[\W_]{0,8}\d{0,13}[\W_]{0,8}")
_PINYIN_AND_NUMBER: Final = re.compile(
    rf"{_SIGNS}(?:\d{{0,8}}{_SIGNS}{_SYLLABLE}{{1,{_MAX_SYLLABLES}}}"
    rf"|{_SYLLABLE}{{1,{_MAX_SYLLABLES}}}{_SIGNS}\d{{0,8}}){_SIGNS}",
)


def is_guessable(password: str, *, about: Sequence[str]) -> bool:
    """Return whether a password is among the first that attackers try.

    Args:
        password: in the form that will be hashed.
        about: known facts of the person: handle, names, the local part of the e-mail.
    """
    folded = password.casefold()
    known = _known(about)
    if _PINYIN_AND_NUMBER.fullmatch(folded) or _made_of(known, folded):
        return True
    if len(password) > MAX_ESTIMATED:
        return len(set(folded)) <= 2  # noqa: PLR2004 - one character, or two in turn
    return int(zxcvbn(password, user_inputs=known)["guesses"]) < MIN_GUESSES


def _known(about: Sequence[str]) -> list[str]:
    """Return each text folded, its parts, and its parts without the signs between them."""
    known: dict[str, None] = {}
    for text in about:
        folded = text.casefold()
        parts = [part for part in re.split(r"[\W_]+", folded) if part]
        known |= dict.fromkeys((folded, *parts, "".join(parts)))
    return [word for word in known if word]


def _made_of(known: Sequence[str], folded: str) -> bool:
    """Return whether the password is a number, or known words with symbols and a number."""
    words = "|".join(re.escape(word) for word in sorted(known, key=len, reverse=True))
    left = re.sub(words, "", folded) if words else folded
    return _NUMBER.fullmatch(left) is not None
