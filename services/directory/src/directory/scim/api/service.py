"""The servicer: exchanges to their endpoint, and an administrator's word on the feed."""

from typing import Any

import structlog
from plexus.directory.v1 import scim_service_pb2 as pb
from plexus.directory.v1.scim_service_pb2_grpc import ScimServiceServicer
from plexuskit.clock import Clock
from plexuskit.timestamps import timestamp
from scim2_models import NotFoundException, NotImplementedException

from directory.accounts.operations.hashing import Hashing
from directory.scim import operations, queries
from directory.scim.api import discovery
from directory.scim.api.errors import UNPROCESSABLE, answer_to
from directory.scim.api.exchange import CONTENT_TYPE, Answer, Exchange
from directory.scim.api.groups import Groups
from directory.scim.api.users import Users
from directory.scim.domain.guard import Feed, FeedRules
from directory.scim.store import Store
from directory.shared.api.translation import acting
from directory.shared.domain.actors import Actor

log = structlog.get_logger()


class ScimApi(ScimServiceServicer):
    """The HR feed."""

    def __init__(self, store: Store, *, hashing: Hashing, rules: FeedRules, clock: Clock) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._write_queue = operations.WriteQueue(store)
        ignored = operations.IgnoredAttributes(store)
        self._groups = Groups(store, self._write_queue, ignored=ignored, clock=clock)
        self._users = Users(
            store, self._write_queue, ignored=ignored, hashing=hashing, rules=rules, clock=clock
        )

    async def ExchangeScim(
        self, request: pb.ExchangeScimRequest, context: Any
    ) -> pb.ExchangeScimResponse:
        """Answer one HTTP request; a failure becomes a SCIM error in the response."""
        exchange = Exchange(
            method=request.method,
            path=request.path,
            query=request.query,
            headers=dict(request.headers),
            body=request.body,
            base_url=request.base_url,
        )
        try:
            answer = await self._answer(exchange, actor=acting())
        except UNPROCESSABLE as error:
            answer = answer_to(error)
            log.info("feed.refused", method=request.method, status=answer.status)
        headers = {"content-type": CONTENT_TYPE} if answer.body is not None else {}
        return pb.ExchangeScimResponse(
            status=answer.status, headers=headers | dict(answer.headers), body=answer.rendered()
        )

    async def _answer(self, exchange: Exchange, *, actor: Actor) -> Answer:
        # Every request is checked, reads included; roles defined by the tenant count too.
        await self._store.grants.holding_everywhere(
            actor, "people.provision", now=self._clock.now()
        )
        match exchange.segments:
            case ("Users", *_):
                return await self._users.answer(exchange, actor=actor)
            case ("Groups", *_):
                return await self._groups.answer(exchange, actor=actor)
            case (discovery.CONFIG | discovery.TYPES | discovery.SCHEMAS, *_):
                return discovery.discover(exchange)
            case (".search",) | ("Bulk",) | ("Me", *_):
                raise NotImplementedException
            case _:
                raise NotFoundException

    async def GetFeedStatus(
        self, request: pb.GetFeedStatusRequest, context: Any
    ) -> pb.GetFeedStatusResponse:
        """Return the feed's status."""
        return pb.GetFeedStatusResponse(status=await self._status(acting()))

    async def ResolveFeed(
        self, request: pb.ResolveFeedRequest, context: Any
    ) -> pb.ResolveFeedResponse:
        """Deactivate the people who are waiting, or keep them."""
        actor = acting()
        await operations.resolve_feed(
            self._store,
            self._write_queue,
            actor=actor,
            approve=request.approve,
            expected_waiting=request.expected_waiting,
            now=self._clock.now(),
        )
        return pb.ResolveFeedResponse(status=await self._status(actor))

    async def _status(self, actor: Actor) -> pb.FeedStatus:
        feed = await queries.get_feed_status(
            self._store, actor=actor, rules=self._rules, now=self._clock.now()
        )
        return _to_proto(feed)


def _to_proto(feed: Feed) -> pb.FeedStatus:
    return pb.FeedStatus(
        stopped=feed.stopped,
        stopped_at=timestamp(feed.stopped_at) if feed.stopped_at else None,
        deactivated=feed.deactivated,
        allowed=feed.allowed,
        waiting_person_ids=[each.person_id for each in feed.waiting],
        waiting=feed.waiting_count,
        refused=[
            pb.FeedRefusal(
                about=each.about,
                reason=each.reason,
                permission=each.permission,
                at=timestamp(each.at),
            )
            for each in feed.refused
        ],
        ignored=[
            pb.IgnoredAttribute(
                resource=each.resource,
                attribute=each.attribute,
                last_sent_at=timestamp(each.last_sent_at),
            )
            for each in feed.ignored
        ],
    )
