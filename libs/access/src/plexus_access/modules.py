"""Parts of the product that a company may switch off, and the permissions that belong to each."""

from collections.abc import Mapping
from typing import Final

_OF_WORD: Final[Mapping[str, str]] = {
    "conversations": "messaging",
    "messages": "messaging",
    "notifications": "notify",
    "projects": "tasks",
    "search": "search",
    "tasks": "tasks",
}
NAMES: Final = tuple(sorted(set(_OF_WORD.values())))


def module_of(permission: str) -> str:
    """Return the module that a permission belongs to; empty for permissions that are always on."""
    return _OF_WORD.get(permission.partition(".")[0], "")
