"""The refusal of a field whose value is outside its declared bounds."""

from typing import Any, Self

from plexuskit.errors import InvalidArgument, Kind


class FieldOutOfRange(InvalidArgument):
    """A field of a request is outside the bounds that its contract declares (GW-8).

    Metadata: `field` (path from the request, for example `spans[2].link`), `problem`, `rule` (the
    name of the bound), `limit`, and `size` where the value has one. Never the value.
    """

    kind = Kind.INVALID
    text = "{field} {problem}."

    def __init__(
        self, *, rule: str, limit: str | int, problem: str, size: int | None = None, field: str = ""
    ) -> None:
        """Refuse a value; the caller that knows the place of the field adds it with `within`.

        Args:
            rule: name of the bound, for example `max_chars`.
            limit: the bound itself.
            problem: fault and remedy, as the rest of a sentence about the field.
            size: size of the value if it has one, in the unit of the rule.
            field: path of the field.
        """
        sizes: dict[str, Any] = {} if size is None else {"size": size}
        super().__init__(field=field, problem=problem, rule=rule, limit=limit, **sizes)

    def within(self, parent: str) -> Self:
        """Return the refusal with the path of the parent in front of its field."""
        path = self.metadata["field"]
        return self.at(f"{parent}.{path}" if path and path[0] not in "[{" else f"{parent}{path}")

    def at(self, field: str) -> Self:
        """Return the refusal about another path, as another format names the field."""
        own = self.metadata
        return type(self)(
            field=field,
            problem=own["problem"],
            rule=own["rule"],
            limit=own["limit"],
            size=int(own["size"]) if "size" in own else None,
        )
