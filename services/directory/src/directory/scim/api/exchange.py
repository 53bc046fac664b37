"""An HTTP exchange: the request, and a response in SCIM's form."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from scim2_models import (
    Context,
    InvalidSyntaxException,
    InvalidValueException,
    NotFoundException,
    Resource,
    ResponseParameters,
)

from directory.scim.domain import bodies
from directory.scim.domain.resources import parts

CONTENT_TYPE: Final = "application/scim+json; charset=utf-8"
_TYPES: Final = frozenset({"application/scim+json", "application/json"})
_MAX_PARAMETERS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status, headers and a JSON body; None for none."""

    status: int
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def rendered(self) -> bytes:
        """Return the body as bytes."""
        return b"" if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request, not examined yet."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    base_url: str

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path; ids in them are compared as they are."""
        parts = self.path.strip("/").split("/")
        try:
            return tuple(unquote(part, errors="strict") for part in parts if part)
        except UnicodeDecodeError:
            raise NotFoundException from None

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The query's parameters, each once.

        Raises:
            InvalidSyntaxException: it cannot be read.
        """
        try:
            pairs = parse_qsl(
                self.query, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
            )
        except ValueError:
            raise InvalidSyntaxException(detail="the query cannot be read") from None
        if len({name for name, _ in pairs}) < len(pairs):
            raise InvalidSyntaxException(detail="a parameter comes twice")
        return {name: bodies.text(value, where=name) for name, value in pairs}

    def json(self) -> dict[str, Any]:
        """Return the body's JSON object.

        Raises:
            InvalidSyntaxException: there is none, or it is of another type.
        """
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _TYPES:
            raise InvalidSyntaxException(detail="the body is to be application/scim+json")
        return bodies.decode(self.body)

    def shown_part(self, model: type[Resource[Any]]) -> ResponseParameters[Any]:
        """Return which attributes the answer is to hold.

        Raises:
            ValidationError, SCIMException: `attributes` or `excludedAttributes` cannot be read.
        """
        named = {
            name: self.parameters[name]
            for name in ("attributes", "excludedAttributes")
            if self.parameters.get(name)
        }
        part: ResponseParameters[Any] = parts(model).model_validate(named)
        return part

    def location(self, endpoint: str, id_: str = "") -> str:
        """Return the URL of a resource."""
        return f"{self.base_url}{endpoint}" + (f"/{id_}" if id_ else "")

    def expected(self) -> Callable[[str], bool]:
        """Return whether an entity tag is one of `If-Match`; any is without it (RFC 7644, 3.14)."""
        tags = self.headers.get("if-match", "").strip()
        return lambda etag: not tags or _is_among(etag, tags)

    def has(self, etag: str) -> bool:
        """Return whether the client has this version, by its `If-None-Match`."""
        return _is_among(etag, self.headers.get("if-none-match", "").strip())


def dumped(
    resource: Resource[Any], *, context: Context, part: ResponseParameters[Any]
) -> dict[str, Any]:
    """Return a resource as JSON, with the requested attributes."""
    shown: dict[str, Any] = resource.model_dump(scim_ctx=context, response_parameters=part)
    return shown


def id_of(segment: str) -> str:
    """Check a path segment used as an id.

    Raises:
        NotFoundException: nothing can have it.
    """
    try:
        return bodies.text(segment, where="the id")
    except InvalidValueException:
        raise NotFoundException from None


def _is_among(etag: str, tags: str) -> bool:
    """Compare weakly, as every tag here is weak (RFC 7232, 2.3.2)."""
    opaque = etag.removeprefix("W/")
    listed = (tag.strip().removeprefix("W/") for tag in tags.split(","))
    return tags == "*" or any(tag == opaque for tag in listed)
