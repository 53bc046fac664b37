"""`/Users`: a request becomes one operation or query, its outcome the answer."""

from typing import Any, Final

from plexuskit.clock import Clock
from scim2_models import Context, NotFoundException, SearchRequest

from directory import operations, queries
from directory.api.scim.discovery import listed
from directory.api.scim.errors import refused
from directory.api.scim.exchange import Answer, Exchange, dumped, id_of
from directory.domain.access import Actor
from directory.domain.scim import changes
from directory.domain.scim.records import Record
from directory.domain.scim.resources import POLICY, USER, USERS
from directory.domain.scim.rules import FeedRules
from directory.operations.hashing import Hashing
from directory.operations.scim import Lane
from directory.store import Store

_ASKED: Final = frozenset(
    {"filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "excludedAttributes"}
)


class Users:
    """People as the feed sees them."""

    def __init__(
        self, store: Store, lane: Lane, *, hashing: Hashing, rules: FeedRules, clock: Clock
    ) -> None:
        self._store = store
        self._lane = lane
        self._hashing = hashing
        self._rules = rules
        self._clock = clock

    async def answer(self, exchange: Exchange, *, actor: Actor) -> Answer:
        """Answer a request below `/Users`.

        Raises:
            SCIMException, ValidationError, Refusal: it cannot be carried out.
        """
        match exchange.segments[1:]:
            case ():
                return await self._collection(exchange, actor=actor)
            case (".search",) if exchange.method == "POST":
                return await self._list(exchange, exchange.json(), actor=actor)
            case (id_,):
                return await self._one(exchange, id_of(id_), actor=actor)
            case _:
                raise NotFoundException

    async def _collection(self, exchange: Exchange, *, actor: Actor) -> Answer:
        match exchange.method:
            case "GET":
                return await self._list(exchange, _search(exchange.parameters), actor=actor)
            case "POST":
                return await self._create(exchange, actor=actor)
            case _:
                return refused(405, "The collection takes GET and POST.", allow="GET, POST")

    async def _one(self, exchange: Exchange, person_id: str, *, actor: Actor) -> Answer:
        match exchange.method:
            case "GET":
                return await self._get(exchange, person_id, actor=actor)
            case "PUT":
                change = changes.replacement(exchange.json(), model=USER)
                return await self._change(exchange, person_id, change, actor=actor)
            case "PATCH":
                change = changes.patch(exchange.json(), model=USER)
                return await self._change(exchange, person_id, change, actor=actor)
            case "DELETE":
                return await self._remove(exchange, person_id, actor=actor)
            case _:
                allowed = "GET, PUT, PATCH, DELETE"
                return refused(405, f"A resource takes {allowed}.", allow=allowed)

    async def _list(self, exchange: Exchange, asked: dict[str, Any], *, actor: Actor) -> Answer:
        request = SearchRequest[USER].model_validate(asked, scim_policy=POLICY)
        page = await queries.list_users(
            self._store, actor=actor, asked=request, now=self._clock.now()
        )
        shown = [
            dumped(
                record.shown(location=exchange.location(USERS, record.person_id)),
                context=Context.RESOURCE_QUERY_RESPONSE,
                part=request,
            )
            for record in page.records
        ]
        body = listed(shown, total=page.total, start_index=request.start_index or 1)
        return Answer(status=200, body=body)

    async def _get(self, exchange: Exchange, person_id: str, *, actor: Actor) -> Answer:
        record = await queries.get_user(
            self._store, actor=actor, person_id=person_id, now=self._clock.now()
        )
        if exchange.has(record.etag):
            return Answer(status=304, headers={"etag": record.etag})
        return _shown(exchange, record, Context.RESOURCE_QUERY_RESPONSE)

    async def _create(self, exchange: Exchange, *, actor: Actor) -> Answer:
        user = USER.model_validate(
            exchange.json(),
            scim_ctx=Context.RESOURCE_CREATION_REQUEST,
            scim_policy=POLICY,
        )
        record = await operations.scim.create_user(
            self._store,
            self._hashing,
            self._lane,
            actor=actor,
            user=user,
            rules=self._rules,
            now=self._clock.now(),
        )
        return _shown(exchange, record, Context.RESOURCE_CREATION_RESPONSE, status=201)

    async def _change(
        self, exchange: Exchange, person_id: str, change: changes.Change[Any], *, actor: Actor
    ) -> Answer:
        record = await operations.scim.change_user(
            self._store,
            self._hashing,
            self._lane,
            actor=actor,
            person_id=person_id,
            change=change,
            expected=exchange.expected(),
            rules=self._rules,
            now=self._clock.now(),
        )
        return _shown(exchange, record, Context.RESOURCE_REPLACEMENT_RESPONSE)

    async def _remove(self, exchange: Exchange, person_id: str, *, actor: Actor) -> Answer:
        await operations.scim.remove_user(
            self._store,
            self._lane,
            actor=actor,
            person_id=person_id,
            expected=exchange.expected(),
            rules=self._rules,
            now=self._clock.now(),
        )
        return Answer(status=204)


def _shown(exchange: Exchange, record: Record, context: Context, *, status: int = 200) -> Answer:
    location = exchange.location(USERS, record.person_id)
    body = dumped(record.shown(location=location), context=context, part=exchange.shown_part(USER))
    return Answer(status=status, body=body, headers={"etag": record.etag, "location": location})


def _search(parameters: dict[str, str]) -> dict[str, Any]:
    """Return the members of a search request; a parameter without a value is none."""
    return {name: value for name, value in parameters.items() if value and name in _ASKED}
