"""Wiring of the gateway."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, closing, suppress
from functools import partial
from typing import Any, Final

from google.protobuf.message import DecodeError
from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.gateway.v1.session_service_pb2 import SubscribeRequest
from plexus.gateway.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from plexus_access.feeding import Feed
from plexuskit import bounds
from plexuskit.clock import Clock
from plexuskit.grpc import CallerSigner, peers, requirements
from plexuskit.kafka import producer
from plexuskit.service import Role, Runtime

from gateway import connect, live, proxy, reference, web
from gateway.access import Access, DecisionLog, Projection, ProjectionUpdater
from gateway.admission import Admission
from gateway.config import Settings
from gateway.identity import (
    ApiTokens,
    Authenticator,
    Callers,
    EndedSessions,
    Identity,
    SessionWatcher,
    SigningKeys,
    TokenMissing,
)
from gateway.limits import Limits

SERVICE: Final = "gateway"
FLUSH_SECONDS: Final = 3.0
SUBSCRIBE: Final = "/plexus.gateway.v1.SessionService/Subscribe"


@asynccontextmanager
async def api(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Serve clients: every service's methods forwarded, and the client streams."""
    signer = CallerSigner(settings.caller)
    limit = settings.grpc.max_message_bytes
    limits = Limits(settings.limits, clock=runtime.clock)
    async with (
        _admission(settings, runtime, signer=signer) as (admission, following, feed),
        proxy.owners(
            settings.peers.by_service(), tls=settings.tls, max_message_bytes=limit
        ) as owners,
        live.StreamHub(
            settings,
            runtime,
            signer=signer,
            callers=admission.callers,
            authenticator=admission.authenticator,
            ended=admission.ended,
            access=admission.access,
            decision_log=admission.decision_log,
            memberships=following,
            stale=lambda: feed.stale,
            limits=limits,
        ) as streams,
    ):
        calls = proxy.Calls(admission, limits=limits, clock=runtime.clock)
        forwarding = proxy.Forwarding(admission, owners, limits=limits)

        handlers = proxy.Handlers(calls)
        handlers.forward(forwarding)
        handlers.serve(add_SessionServiceServicer_to_server, live.SessionApi(streams))

        connections = connect.Connections(
            limits.strangers,
            maximum=settings.http.max_address_connections,
            allowance=settings.limits.company_allowance,
        )
        endpoints = connect.Endpoints(calls, known=connections.done)
        endpoints.forward(forwarding)
        endpoints.add_many(requirements()[SUBSCRIBE], _subscribe(streams))
        application = endpoints.application(
            max_body_bytes=settings.http.max_body_bytes,
            unfinished=connect.Unfinished(
                limits.strangers,
                max_bytes=settings.http.max_unfinished_bytes,
                max_of_network=settings.http.max_address_bodies,
                allowance=settings.limits.company_allowance,
            ),
        )
        folder = settings.web.folder
        site = connect.Site(
            application,
            feed=connect.ScimSite(
                calls,
                forwarding,
                max_body_bytes=settings.http.max_scim_body_bytes,
                public_url=settings.http.public_url,
                known=connections.done,
            ),
            reference=await _reference(settings, limits=limits, clock=runtime.clock),
            origins=settings.http.origins,
            is_serving=lambda: not runtime.stopping.is_set(),
            pages=web.Pages(web.Files(folder)) if folder else None,
            sessions=web.Sessions(application, clock=runtime.clock) if folder else None,
        )

        with closing(endpoints):
            async with (
                connect.serve(
                    settings.http,
                    site=site,
                    runtime=runtime,
                    tls=settings.public_tls,
                    drain_seconds=settings.grpc.drain_seconds,
                    connections=connections if settings.limits.enabled else None,
                ),
                proxy.serve(
                    settings.grpc,
                    handlers=handlers,
                    runtime=runtime,
                    tls=settings.public_tls,
                    max_connections=settings.http.max_connections,
                ),
            ):
                yield


async def _reference(
    settings: Settings, *, limits: Limits, clock: Clock
) -> connect.DocsSite | None:
    """Return the API reference, made beside the loop; None where it is switched off."""
    if not settings.http.docs:
        return None
    documents = await asyncio.to_thread(
        reference.documents,
        now=clock.now(),
        url=settings.http.public_url,
        max_body_bytes=settings.http.max_body_bytes,
    )
    return connect.DocsSite(documents, limits=limits)


@asynccontextmanager
async def _admission(
    settings: Settings, runtime: Runtime, *, signer: CallerSigner
) -> AsyncIterator[tuple[Admission, ProjectionUpdater, Feed]]:
    """Build authentication and authorisation, kept up to date by the owners."""
    async with AsyncExitStack() as stack:
        owners = await stack.enter_async_context(
            peers(
                "directory",
                "messaging",
                "tasks",
                settings=settings,
                service=SERVICE,
                clock=runtime.clock,
            )
        )
        sending = await stack.enter_async_context(producer(settings.kafka))
        sessions = SessionServiceStub(owners["directory"])
        keys = SigningKeys(sessions.GetSigningKeys, clock=runtime.clock)
        ended = EndedSessions(clock=runtime.clock)
        watching = SessionWatcher(
            ended, find_ended_sessions=sessions.FindEndedSessions, health=runtime.health
        )
        # No call can be authenticated before the first keys are here.
        runtime.health.probe("signing_keys", keys.ready)
        authorities = {name: AuthorityStub(owner) for name, owner in owners.items()}
        projection = Projection()
        feed = Feed(
            projection,
            authorities["directory"],
            health=runtime.health,
            clock=runtime.clock,
            listeners=[watching],
        )
        following = ProjectionUpdater(
            projection,
            messaging=authorities["messaging"].Snapshot,
            tasks=authorities["tasks"].Snapshot,
            health=runtime.health,
        )
        callers = Callers(signer, clock=runtime.clock)
        decision_log = DecisionLog(sending, clock=runtime.clock, health=runtime.health)
        for name, work in (
            ("signing keys", keys.keep_fresh),
            ("access", partial(feed.follow, settings.kafka)),
            ("session re-check", watching.recheck),
            ("tasks", partial(following.follow, settings.kafka)),
            ("memberships", following.follow_members),
            ("decisions", decision_log.run),
            ("callers", callers.run),
        ):
            await stack.enter_async_context(runtime.kept(name, work))
        stack.push_async_callback(_flushed, decision_log)
        yield (
            Admission(
                authenticator=Authenticator(
                    keys,
                    ended,
                    api_tokens=ApiTokens(sessions.ResolveApiToken, ended, clock=runtime.clock),
                    clock=runtime.clock,
                ),
                callers=callers,
                ended=ended,
                access=Access(
                    projection,
                    messaging=authorities["messaging"].Recheck,
                    tasks=authorities["tasks"].Recheck,
                    directory=authorities["directory"].Recheck,
                    limits=settings.limits,
                    clock=runtime.clock,
                ),
                decision_log=decision_log,
            ),
            following,
            feed,
        )


async def _flushed(decision_log: DecisionLog) -> None:
    """Wait a moment for the last decisions to be published."""
    with suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_SECONDS):
            await decision_log.flush()


def _subscribe(streams: live.StreamHub) -> proxy.Many:
    """Return the browsers' stream in the shape that HTTP endpoints have."""
    method = requirements()[SUBSCRIBE]

    async def subscribe(
        request: bytes, identity: Identity | None, _: float | None
    ) -> AsyncGenerator[bytes, None]:
        if identity is None:
            raise TokenMissing
        try:
            asked = bounds.read(SubscribeRequest, request)
        except DecodeError:
            raise proxy.RequestUnreadable.of(method) from None
        # A generator, despite its signature: it is closed with this one.
        frames: Any = streams.frames(identity, asked)
        async with aclosing(frames):
            async for frame in frames:
                yield frame

    return subscribe


ROLES: Final[Mapping[str, Role]] = {"api": api}
