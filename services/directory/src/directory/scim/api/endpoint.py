"""Common resource endpoint: meaning of methods and paths (RFC 7644, 3.2)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from plexuskit.clock import Clock
from scim2_models import NotFoundException

from directory.scim.api.bounds import checked
from directory.scim.api.errors import refused
from directory.scim.api.exchange import Answer, Exchange, id_of
from directory.scim.domain import changes, dialects
from directory.scim.domain.changes import Change
from directory.scim.domain.dialects import Rewritten
from directory.scim.operations import IgnoredAttributes
from directory.shared.domain.actors import Actor

_ASKED: Final = frozenset(
    {"filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "excludedAttributes"}
)
_OF_ONE: Final = "GET, PUT, PATCH, DELETE"


class Endpoint(ABC):
    """Resources of one type below one path.

    `model`: the type; `resource`: its name, for example `User`.
    """

    model: type[Any]
    resource: str

    def __init__(self, *, ignored: IgnoredAttributes, clock: Clock) -> None:
        self._ignored = ignored
        self._clock = clock

    async def answer(self, exchange: Exchange, *, actor: Actor) -> Answer:
        """Answer a request.

        Raises:
            SCIMException, ValidationError, Refusal: it cannot be carried out.
        """
        match exchange.segments[1:]:
            case ():
                return await self._collection(exchange, actor=actor)
            case (".search",) if exchange.method == "POST":
                return await self.list(exchange, exchange.json(), actor=actor)
            case (id_,):
                return await self._one(exchange, id_of(id_), actor=actor)
            case _:
                raise NotFoundException

    async def _collection(self, exchange: Exchange, *, actor: Actor) -> Answer:
        match exchange.method:
            case "GET":
                return await self.list(exchange, _search(exchange.parameters), actor=actor)
            case "POST":
                body = await self._body(exchange, dialects.resource, actor=actor)
                return await self.create(exchange, body, actor=actor)
            case _:
                return refused(405, "The collection takes GET and POST.", allow="GET, POST")

    async def _one(self, exchange: Exchange, id_: str, *, actor: Actor) -> Answer:
        match exchange.method:
            case "GET":
                return await self.get(exchange, id_, actor=actor)
            case "PUT":
                body = await self._body(exchange, dialects.resource, actor=actor)
                change = changes.replacement(body, model=self.model)
                return await self.change(exchange, id_, checked(change), actor=actor)
            case "PATCH":
                body = await self._body(exchange, dialects.patch, actor=actor)
                change = changes.patch(body, model=self.model)
                return await self.change(exchange, id_, checked(change), actor=actor)
            case "DELETE":
                await self.remove(exchange, id_, actor=actor)
                return Answer(status=204)
            case _:
                return refused(405, f"A resource takes {_OF_ONE}.", allow=_OF_ONE)

    async def _body(
        self, exchange: Exchange, rewrite: Callable[..., Rewritten], *, actor: Actor
    ) -> dict[str, Any]:
        """Return the body in the protocol's form; record ignored attributes."""
        rewritten = rewrite(exchange.json(), model=self.model)
        await self._ignored.record(
            rewritten.ignored, resource=self.resource, actor=actor, now=self._clock.now()
        )
        return rewritten.body

    @abstractmethod
    async def list(self, exchange: Exchange, asked: dict[str, Any], *, actor: Actor) -> Answer:
        """Answer a search."""

    @abstractmethod
    async def get(self, exchange: Exchange, id_: str, *, actor: Actor) -> Answer:
        """Show one resource."""

    @abstractmethod
    async def create(self, exchange: Exchange, body: dict[str, Any], *, actor: Actor) -> Answer:
        """Make one."""

    @abstractmethod
    async def change(
        self, exchange: Exchange, id_: str, change: Change[Any], *, actor: Actor
    ) -> Answer:
        """Change one."""

    @abstractmethod
    async def remove(self, exchange: Exchange, id_: str, *, actor: Actor) -> None:
        """Remove one."""


def _search(parameters: dict[str, str]) -> dict[str, Any]:
    """Return the members of a search request; a parameter without a value is none."""
    return {name: value for name, value in parameters.items() if value and name in _ASKED}
