"""Term weights from a frozen table of word frequencies (SRC-1).

An index weighs a word by the number of documents that hold it, hidden ones included: the order of
one's own documents would reveal how often others use a word. These weights depend on the language
alone. They come from the word lists of `wordfreq`, and stay the same whatever is indexed.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

import wordfreq

TEXT_LENGTH: Final = 200
"""Size of the text in a term's weight: log of 1 / (chance that such a text contains it)."""

MIN_WEIGHT: Final = 0.05
MAX_WEIGHT: Final = 9.0

_RAREST: Final = 1e-8
"""Frequency of a word that is in no list."""

_PAIR: Final = 2


class Weights:
    """Weights of the terms that the four analyses produce.

    Args:
        chinese: frequency of simplified Chinese words, from 0 to 1.
        english: frequency of English words in lower case, from 0 to 1.
    """

    def __init__(self, *, chinese: Mapping[str, float], english: Mapping[str, float]) -> None:
        self._words: Final = dict(english)
        for word, frequency in chinese.items():
            # both lists have words of the other language, as rare ones
            self._words[word] = max(frequency, self._words.get(word, 0.0))
        self._characters: Final[dict[str, float]] = defaultdict(float)
        self._first: Final[dict[str, float]] = defaultdict(float)
        self._last: Final[dict[str, float]] = defaultdict(float)
        self._pairs: Final[dict[str, float]] = defaultdict(float)
        for word, frequency in chinese.items():
            if not _is_han(word):
                continue
            for character in word:
                self._characters[character] += frequency
            for pair in itertools.pairwise(word):
                self._pairs["".join(pair)] += frequency
            self._first[word[0]] += frequency
            self._last[word[-1]] += frequency

    def of(self, term: str) -> float:
        """Return the weight of a term, from MIN_WEIGHT (everywhere) to MAX_WEIGHT (rare)."""
        in_text = -math.expm1(-self._frequency(term) * TEXT_LENGTH)
        return min(max(-math.log(in_text), MIN_WEIGHT), MAX_WEIGHT)

    def mean(self, terms: Iterable[str]) -> float:
        """Return the mean weight of the terms of a phrase; MIN_WEIGHT for none."""
        weights = [self.of(term) for term in terms]
        return sum(weights) / len(weights) if weights else MIN_WEIGHT

    def _frequency(self, term: str) -> float:
        if not _is_han(term):
            return self._words.get(term, _RAREST)
        if len(term) == 1:
            return self._characters.get(term, _RAREST)
        if len(term) == _PAIR:
            return max(self._within(term) + self._across(term), _RAREST)
        if term in self._words:
            return self._words[term]
        # as if its characters came together by chance
        chance = math.prod(self._characters.get(each, _RAREST) for each in term)
        return max(chance, _RAREST)

    def _within(self, pair: str) -> float:
        return self._pairs.get(pair, 0.0)

    def _across(self, pair: str) -> float:
        """Return how often one word ends with the first and the next begins with the second."""
        return self._last.get(pair[0], 0.0) * self._first.get(pair[1], 0.0)


@cache
def frozen() -> Weights:
    """Return the weights from the small word lists; the first call takes 0.2 s."""
    return Weights(
        chinese=wordfreq.get_frequency_dict("zh", wordlist="small"),
        english=wordfreq.get_frequency_dict("en", wordlist="small"),
    )


def _is_han(text: str) -> bool:
    return bool(text) and all("\u3400" <= character <= "\u9fff" for character in text)
