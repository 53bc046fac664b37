"""`/Groups`: a request becomes one operation or query, its outcome the answer."""

from collections.abc import Collection
from typing import Any

from plexuskit.clock import Clock
from scim2_models import Context, ResponseParameters

from directory.people.domain.groups import Group
from directory.scim import operations, queries
from directory.scim.api.bounds import check_group
from directory.scim.api.discovery import listed
from directory.scim.api.endpoint import Endpoint
from directory.scim.api.exchange import Answer, Exchange, dumped
from directory.scim.domain import resources
from directory.scim.domain.changes import Change
from directory.scim.domain.groups import etag, resource
from directory.scim.domain.resources import GROUPS, POLICY, searches
from directory.scim.operations import IgnoredAttributes, WriteQueue
from directory.scim.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import PersonId


class Groups(Endpoint):
    """Groups as the feed sees them."""

    model = resources.Group
    resource = "Group"

    def __init__(
        self, store: Store, write_queue: WriteQueue, *, ignored: IgnoredAttributes, clock: Clock
    ) -> None:
        super().__init__(ignored=ignored, clock=clock)
        self._store = store
        self._write_queue = write_queue

    async def list(self, exchange: Exchange, asked: dict[str, Any], *, actor: Actor) -> Answer:
        """Answer a search; members are looked up only if they are returned."""
        request = searches(resources.Group).model_validate(asked, scim_policy=POLICY)
        page, total = await queries.list_feed_groups(
            self._store,
            actor=actor,
            asked=request,
            base_url=exchange.base_url,
            now=self._clock.now(),
            members=_shows_members(request),
        )
        context = Context.RESOURCE_QUERY_RESPONSE
        shown = [dumped(group, context=context, part=request) for group in page]
        body = listed(shown, total=total, start_index=request.start_index or 1)
        return Answer(status=200, body=body)

    async def get(self, exchange: Exchange, id_: str, *, actor: Actor) -> Answer:
        """Return one group, unless the client has that version."""
        group, members = await queries.get_feed_group(
            self._store, actor=actor, group_id=id_, now=self._clock.now()
        )
        if exchange.has(etag(group)):
            return Answer(status=304, headers={"etag": etag(group)})
        return _answer(exchange, group, members, Context.RESOURCE_QUERY_RESPONSE)

    async def create(self, exchange: Exchange, body: dict[str, Any], *, actor: Actor) -> Answer:
        """Make a group."""
        wanted = resources.Group.model_validate(
            body, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=POLICY
        )
        group, members = await operations.create_group(
            self._store,
            self._write_queue,
            actor=actor,
            wanted=check_group(wanted),
            now=self._clock.now(),
        )
        answer = _answer(exchange, group, members, Context.RESOURCE_CREATION_RESPONSE)
        return Answer(status=201, body=answer.body, headers=answer.headers)

    async def change(
        self, exchange: Exchange, id_: str, change: Change[Any], *, actor: Actor
    ) -> Answer:
        """Replace or patch a group."""
        group, members = await operations.change_group(
            self._store,
            self._write_queue,
            actor=actor,
            group_id=id_,
            change=change,
            expected=exchange.expected(),
            base_url=exchange.base_url,
            now=self._clock.now(),
        )
        return _answer(exchange, group, members, Context.RESOURCE_REPLACEMENT_RESPONSE)

    async def remove(self, exchange: Exchange, id_: str, *, actor: Actor) -> None:
        """Remove a group."""
        await operations.remove_group(
            self._store,
            self._write_queue,
            actor=actor,
            group_id=id_,
            expected=exchange.expected(),
            now=self._clock.now(),
        )


def _answer(
    exchange: Exchange, group: Group, members: Collection[PersonId], context: Context
) -> Answer:
    shown = resource(group, members, base_url=exchange.base_url)
    body = dumped(shown, context=context, part=exchange.shown_part(resources.Group))
    location = exchange.location(GROUPS, group.id)
    return Answer(status=200, body=body, headers={"etag": etag(group), "location": location})


def _shows_members(part: ResponseParameters[Any]) -> bool:
    """Return whether the response may contain members at all."""
    named = {str(path).lower().rpartition(":")[2].split(".")[0] for path in part.attributes or ()}
    hidden = {str(path).lower().rpartition(":")[2] for path in part.excluded_attributes or ()}
    return "members" not in hidden and (not named or "members" in named)
