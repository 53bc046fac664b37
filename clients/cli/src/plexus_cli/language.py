"""The language of help, tables and errors: English, or Chinese by the user's locale."""

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

CATALOGUE: Final = Path(__file__).with_name("zh-CN.json")

_VARIABLES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")


def tr(text: str, /, **values: object) -> str:
    """Return a text in the user's language with its values filled in.

    Args:
        text: English template of `str.format`, which is also its key in the catalogue.
        values: the values of its fields.
    """
    template = catalogue().get(text, text)
    return template.format(**values) if values else template


def counted(number: int, one: str, many: str, /, **values: object) -> str:
    """Return a text for a number, the value of its field `n`; Chinese has one form for all."""
    return tr(one if number == 1 else many, n=number, **values)


@cache
def catalogue() -> Mapping[str, str]:
    """Return the Chinese texts by English text; empty unless the user's language is Chinese."""
    if not is_chinese():
        return {}
    texts: dict[str, str] = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return texts


def is_chinese() -> bool:
    """Return whether the first locale set in the environment is Chinese."""
    chosen = next((value for name in _VARIABLES if (value := os.environ.get(name))), "")
    return chosen.lower().startswith("zh")
