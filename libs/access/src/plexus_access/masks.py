"""Visible columns of roles (GW-3)."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final


class Masks:
    """The visible fields by message; a message that is not among them is seen whole."""

    __slots__ = ("_fields", "_hash")

    def __init__(self, fields: Mapping[str, frozenset[str]] = MappingProxyType({})) -> None:
        """Set names of fields by the full name of their message."""
        self._fields = dict(fields)
        self._hash = hash(frozenset(self._fields.items()))

    def __bool__(self) -> bool:
        return bool(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Masks) and self._fields == other._fields

    def __hash__(self) -> int:
        return self._hash

    def items(self) -> Iterable[tuple[str, frozenset[str]]]:
        """Return each masked message with its visible fields."""
        return self._fields.items()

    def shown(self, message: str) -> frozenset[str] | None:
        """Return the visible fields of a message; None: all of them."""
        return self._fields.get(message)

    def hide(self, column: str) -> bool:
        """Return whether a column, `<message>.<field>`, is hidden.

        A name that is no field of the message is hidden wherever the message has a mask.
        """
        if not self._fields:
            return False
        message, _, field = column.rpartition(".")
        shown = self._fields.get(message)
        return shown is not None and field not in shown


NONE: Final = Masks()


def union(held: Iterable[Masks]) -> Masks:
    """Return the columns that several roles show together: a column shown by one is visible."""
    every = list(held)
    if not every or not all(every):
        return NONE
    names = set.intersection(*({name for name, _ in each.items()} for each in every))
    return Masks(
        {name: frozenset().union(*(dict(each.items())[name] for each in every)) for name in names}
    )
