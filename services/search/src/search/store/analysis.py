"""Text analysis: Chinese and English mixed, ids and names by part (SRC-5).

Every text is analysed in four ways, each matching what the others cannot; a query uses all of them:

- `cjk`: pairs of adjacent characters: every word of two or more characters, however segmented;
- `smartcn` and `icu`: words by a model and by a dictionary: words apart from each other;
- `parts`: single characters, and the letters and digits between symbols: one character, ABC-123,
  addresses, file names, and exact sequences of anything.

Case, width and traditional characters are folded in all of them. OpenSearch folds the characters of
finished words only, so `smartcn` splits traditional text into characters; the others match it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

WAYS: Final = ("cjk", "smartcn", "icu", "parts")

_CHINESE = r"\p{IsHan}\p{IsHiragana}\p{IsKatakana}\p{IsHangul}"
# One character of Chinese, Japanese, Korean · digits · ABBREVIATION · Word or word · a symbol.
# Only single characters repeat, and not for ever: Java repeats a group by recursion, and a word as
# long as a message would overflow the stack of the server's thread.
_PARTS = "|".join(
    (
        rf"[{_CHINESE}]",
        r"\p{N}{1,256}",
        r"\p{Lu}{1,256}(?!\p{Ll})",
        rf"\p{{Lu}}?[[\p{{L}}\p{{M}}]&&[^\p{{Lu}}{_CHINESE}]]{{1,256}}",
        r"\p{So}",
    )
)

ANALYSIS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "char_filter": {
            "folded": {"type": "icu_normalizer", "name": "nfkc_cf"},
            # keeps the case, which separates the parts of fileNames
            "narrow": {"type": "icu_normalizer", "name": "nfkc"},
        },
        "tokenizer": {"parts": {"type": "pattern", "group": 0, "pattern": _PARTS}},
        "filter": {
            "simplified": {"type": "icu_transform", "id": "Traditional-Simplified"},
            # smartcn makes one word of every punctuation mark
            "no_marks": {"type": "stop", "stopwords": [","]},
            # Lucene refuses documents with words of more than 32,766 bytes
            "short": {"type": "truncate", "length": 256},
        },
        "analyzer": {
            "plexus_cjk": {
                "tokenizer": "standard",
                "char_filter": ["folded"],
                "filter": ["simplified", "cjk_bigram", "short"],
            },
            "plexus_smartcn": {
                "tokenizer": "smartcn_tokenizer",
                "char_filter": ["folded"],
                "filter": ["lowercase", "simplified", "no_marks", "short"],
            },
            "plexus_icu": {
                "tokenizer": "icu_tokenizer",
                "char_filter": ["folded"],
                "filter": ["icu_folding", "simplified", "short"],
            },
            "plexus_parts": {
                "tokenizer": "parts",
                "char_filter": ["narrow"],
                "filter": ["lowercase", "icu_folding", "simplified", "short"],
            },
        },
        "normalizer": {"plexus_key": {"type": "custom", "char_filter": ["folded"]}},
    }
)


def words() -> dict[str, Any]:
    """Return the mapping of a text that is found by its words, in every way."""
    return {
        # The text itself is never retrieved, only its analyses.
        "type": "text",
        "index": False,
        "fields": {
            # offsets make the marking of matches cheap; only these two are marked
            way: {
                "type": "text",
                "analyzer": f"plexus_{way}",
                "index_options": "offsets" if way in MARKED else "positions",
            }
            for way in WAYS
        },
    }


MARKED: Final = ("cjk", "parts")
