"""Parser of a query as a person types it (SRC-5).

Words are separated by spaces and all of them must match. `"…"` matches exactly, `-word` must not
match. Long queries and questions are relaxed: people rarely type all words of the answer.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from search.domain.refusals import QueryInvalid

MAX_QUERY_CHARS: Final = 1_000
"""Characters of a query."""

MAX_UNITS: Final = 50
"""Maximum length of a query, counted in Chinese characters and other words.

Each is searched in several fields and analyses, and an index refuses more than 1,024 clauses.
"""

STRICT_UNITS: Final = 6
"""Up to this many units every term is required, whatever its form."""

QUESTION_UNITS: Final = 4
"""From this many units on a query is treated as a question."""

_IDEOGRAPHS: Final = (
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_CHINESE: Final = re.compile(f"[{_IDEOGRAPHS}]")
_UNIT: Final = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+")
_QUOTES: Final = '"“”'
_CHUNK: Final = re.compile(
    rf"(?P<unwanted>-(?=[{_QUOTES}\w]))?"
    rf"(?:[{_QUOTES}](?P<phrase>[^{_QUOTES}]+)[{_QUOTES}]|(?P<word>\S+))"
)
_JOINED: Final = re.compile(r"[^\W_][-._/:@#\\+=&?%~]+[^\W_]")
_OPERATOR: Final = re.compile(
    r"(from|in|before|after|has|mentions|type|tag|is):(\S+)", re.IGNORECASE
)
_QUESTION: Final = re.compile(
    "什么|甚么|什麼|甚麼|哪|谁|誰|多少|怎|如何|为何|為何|何时|何時|几个|幾個|是否|吗|嗎|"
    r"\b(?:who|whom|whose|what|when|where|why|which|how)\b",
    re.IGNORECASE,
)


class Form(StrEnum):
    """Match mode of a term."""

    WORDS = "words"
    """Its words near one another; when it is long, half of them."""

    TOGETHER = "together"
    """Its parts one after the other: a phrase in quotes, an id, an address, a file name."""

    QUESTION = "question"
    """A part of its words, wherever they are."""


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a query that is searched separately."""

    text: str
    form: Form

    @property
    def is_chinese(self) -> bool:
        """Return whether it contains text written without spaces between words."""
        return _CHINESE.search(self.text) is not None

    @property
    def is_long(self) -> bool:
        """Return whether some of its words cannot be searched."""
        return units(self.text) > STRICT_UNITS


@dataclass(frozen=True, slots=True)
class Query:
    """Required and excluded terms.

    Attributes:
        required: terms that every hit contains.
        relaxed: the words of a long query, most of which a hit contains.
        unwanted: terms that no hit contains.
    """

    required: tuple[Term, ...]
    relaxed: tuple[Term, ...] = ()
    unwanted: tuple[Term, ...] = ()


def parse(text: str) -> Query:
    """Parse a query.

    Raises:
        QueryInvalid: it is too long, or has nothing that can be searched.
    """
    if len(text) > MAX_QUERY_CHARS:
        raise QueryInvalid(
            problem=f"has {len(text)} characters, at most {MAX_QUERY_CHARS} are possible"
        )

    # the index folds the width of characters too, and so a full-width quote or minus is one
    text = unicodedata.normalize("NFKC", text)
    wanted, unwanted = _cut(_chunks(text))
    if not wanted:
        raise QueryInvalid(problem="names nothing to look for; type at least one word")

    words = [term for term in wanted if term.form is Form.WORDS]
    others = tuple(term for term in wanted if term.form is not Form.WORDS)
    plain = " ".join(term.text for term in words)
    if units(plain) >= QUESTION_UNITS and _is_question(text):
        return Query(required=(*others, Term(plain, Form.QUESTION)), unwanted=unwanted)
    if len(words) > STRICT_UNITS:
        return Query(required=others, relaxed=tuple(words), unwanted=unwanted)
    return Query(required=wanted, unwanted=unwanted)


def units(text: str) -> int:
    """Count Chinese characters and other words."""
    return sum(1 for _ in _UNIT.finditer(text))


def _is_question(text: str) -> bool:
    return text.rstrip().endswith("?") or _QUESTION.search(text) is not None


def _chunks(text: str) -> list[tuple[bool, Term]]:
    """Return every term and if it is unwanted; text without letter, digit or symbol is none."""
    chunks = []
    for match in _CHUNK.finditer(text):
        word, phrase = match["word"], match["phrase"]
        if phrase is not None:
            terms = [Term(phrase, Form.TOGETHER)]
        elif operator := _OPERATOR.fullmatch(word):
            terms = [_word(part) for part in operator.groups()]
        else:
            terms = [_word(word)]
        unwanted = match["unwanted"] is not None
        chunks += [(unwanted, term) for term in terms if _can_be_found(term.text)]
    return chunks


def _word(text: str) -> Term:
    """Treat text without spaces as an id or address if its parts are joined by symbols."""
    is_joined = _JOINED.search(text) and not _CHINESE.search(text)
    return Term(text, Form.TOGETHER if is_joined else Form.WORDS)


def _can_be_found(text: str) -> bool:
    # symbols such as emoji are words of their own to the index, punctuation is not
    return any(each.isalnum() or unicodedata.category(each) == "So" for each in text)


def _cut(chunks: list[tuple[bool, Term]]) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    """Keep as many terms, from the first one on, as an index can search at once."""
    left = MAX_UNITS
    kept: tuple[list[Term], list[Term]] = ([], [])
    for unwanted, term in chunks:
        if left <= 0:
            break
        cost = max(units(term.text), 1)
        text = term.text if cost <= left else _first_units(term.text, left)
        kept[unwanted].append(Term(text, term.form))
        left -= cost
    return tuple(kept[False]), tuple(kept[True])


def _first_units(text: str, count: int) -> str:
    ends = [match.end() for match in _UNIT.finditer(text)]
    return text[: ends[count - 1]]
