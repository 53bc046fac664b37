"""`/Users`: a request becomes one operation or query, its outcome the answer."""

from collections.abc import Sequence
from typing import Any

from plexuskit.clock import Clock
from scim2_models import Context, GroupMembership, Reference

from directory.accounts.operations.hashing import Hashing
from directory.people.domain.groups import Group
from directory.scim import operations, queries
from directory.scim.api.bounds import check_user
from directory.scim.api.discovery import listed
from directory.scim.api.endpoint import Endpoint
from directory.scim.api.exchange import Answer, Exchange, dumped
from directory.scim.domain.changes import Change
from directory.scim.domain.guard import FeedRules
from directory.scim.domain.records import Record
from directory.scim.domain.resources import GROUPS, POLICY, USER, USERS, FeedUser, searches
from directory.scim.operations import IgnoredAttributes, WriteQueue
from directory.scim.store import Store
from directory.shared.domain.actors import Actor


class Users(Endpoint):
    """People as the feed sees them."""

    model = USER
    resource = "User"

    def __init__(
        self,
        store: Store,
        write_queue: WriteQueue,
        *,
        ignored: IgnoredAttributes,
        hashing: Hashing,
        rules: FeedRules,
        clock: Clock,
    ) -> None:
        super().__init__(ignored=ignored, clock=clock)
        self._store = store
        self._write_queue = write_queue
        self._hashing = hashing
        self._rules = rules

    async def list(self, exchange: Exchange, asked: dict[str, Any], *, actor: Actor) -> Answer:
        """Answer a search."""
        request = searches(USER).model_validate(asked, scim_policy=POLICY)
        page = await queries.list_users(
            self._store, actor=actor, asked=request, now=self._clock.now()
        )
        ids = [record.person_id for record in page.records]
        groups = await queries.groups_of(self._store, ids, actor=actor, now=self._clock.now())
        shown = [
            dumped(
                _resource(exchange, record, groups.get(record.person_id, ())),
                context=Context.RESOURCE_QUERY_RESPONSE,
                part=request,
            )
            for record in page.records
        ]
        body = listed(shown, total=page.total, start_index=request.start_index or 1)
        return Answer(status=200, body=body)

    async def get(self, exchange: Exchange, id_: str, *, actor: Actor) -> Answer:
        """Return one user, unless the client has that version."""
        record = await queries.get_user(
            self._store, actor=actor, person_id=id_, now=self._clock.now()
        )
        if exchange.has(record.etag):
            return Answer(status=304, headers={"etag": record.etag})
        return await self._shown(exchange, record, Context.RESOURCE_QUERY_RESPONSE, actor=actor)

    async def create(self, exchange: Exchange, body: dict[str, Any], *, actor: Actor) -> Answer:
        """Make a user."""
        user = USER.model_validate(
            body, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=POLICY
        )
        record = await operations.create_user(
            self._store,
            self._hashing,
            self._write_queue,
            actor=actor,
            user=check_user(user),
            rules=self._rules,
            now=self._clock.now(),
        )
        answer = _answer(exchange, record, (), Context.RESOURCE_CREATION_RESPONSE)
        return Answer(status=201, body=answer.body, headers=answer.headers)

    async def change(
        self, exchange: Exchange, id_: str, change: Change[Any], *, actor: Actor
    ) -> Answer:
        """Replace or patch a user."""
        record = await operations.change_user(
            self._store,
            self._hashing,
            self._write_queue,
            actor=actor,
            person_id=id_,
            change=change,
            expected=exchange.expected(),
            rules=self._rules,
            now=self._clock.now(),
        )
        context = Context.RESOURCE_REPLACEMENT_RESPONSE
        return await self._shown(exchange, record, context, actor=actor)

    async def remove(self, exchange: Exchange, id_: str, *, actor: Actor) -> None:
        """Deactivate a user and hide them."""
        await operations.remove_user(
            self._store,
            self._write_queue,
            actor=actor,
            person_id=id_,
            expected=exchange.expected(),
            rules=self._rules,
            now=self._clock.now(),
        )

    async def _shown(
        self, exchange: Exchange, record: Record, context: Context, *, actor: Actor
    ) -> Answer:
        groups = await queries.groups_of(
            self._store, [record.person_id], actor=actor, now=self._clock.now()
        )
        return _answer(exchange, record, groups.get(record.person_id, ()), context)


def _answer(
    exchange: Exchange, record: Record, groups: Sequence[Group], context: Context
) -> Answer:
    location = exchange.location(USERS, record.person_id)
    body = dumped(
        _resource(exchange, record, groups), context=context, part=exchange.shown_part(USER)
    )
    return Answer(status=200, body=body, headers={"etag": record.etag, "location": location})


def _resource(exchange: Exchange, record: Record, groups: Sequence[Group]) -> FeedUser:
    user = record.shown(location=exchange.location(USERS, record.person_id))
    user.groups = [
        GroupMembership(
            value=group.id,
            ref=Reference(exchange.location(GROUPS, group.id)),
            display=group.name,
            type="direct",
        )
        for group in groups
    ] or None
    return user
