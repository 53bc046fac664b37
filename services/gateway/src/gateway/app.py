"""How the gateway is put together."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

from google.protobuf.message import DecodeError
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.gateway.v1.session_service_pb2 import SubscribeRequest
from plexus.gateway.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from plexuskit.grpc import CallerSigner, channel, requirements
from plexuskit.service import Role, Runtime

from gateway import connect, live, proxy
from gateway.admission import Admission
from gateway.config import Settings
from gateway.identity import (
    ApiTokens,
    Authenticator,
    Callers,
    EndedSessions,
    Identity,
    SigningKeys,
    TokenMissing,
    Watching,
)
from gateway.limits import Limits

SERVICE: Final = "gateway"
SUBSCRIBE: Final = "/plexus.gateway.v1.SessionService/Subscribe"


@asynccontextmanager
async def api(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """Serve clients: every service's methods forwarded, and the client streams."""
    signer = CallerSigner(settings.caller)
    limit = settings.grpc.max_message_bytes
    limits = Limits(settings.limits, clock=runtime.clock)
    async with (
        _admission(settings, runtime, signer=signer) as admission,
        proxy.owners(settings.peers.by_service(), max_message_bytes=limit) as owners,
        live.Live(
            settings,
            runtime,
            signer=signer,
            callers=admission.callers,
            authenticator=admission.authenticator,
            ended=admission.ended,
            limits=limits,
        ) as streams,
    ):
        calls = proxy.Calls(admission, limits=limits, clock=runtime.clock)
        forwarding = proxy.Forwarding(admission, owners, limits=limits)

        handlers = proxy.Handlers(calls)
        handlers.forward(forwarding)
        handlers.serve(add_SessionServiceServicer_to_server, live.SessionApi(streams))

        endpoints = connect.Endpoints(calls)
        endpoints.forward(forwarding)
        endpoints.add_many(requirements()[SUBSCRIBE], _subscribe(streams))
        site = connect.Site(
            endpoints.application(max_body_bytes=settings.http.max_body_bytes),
            origins=settings.http.origins,
            is_serving=lambda: not runtime.stopping.is_set(),
        )

        async with (
            connect.serve(
                settings.http,
                site=site,
                runtime=runtime,
                drain_seconds=settings.grpc.drain_seconds,
            ),
            proxy.serve(settings.grpc, handlers=handlers, runtime=runtime),
        ):
            yield


@asynccontextmanager
async def _admission(
    settings: Settings, runtime: Runtime, *, signer: CallerSigner
) -> AsyncIterator[Admission]:
    """Make what knows people, kept up to date by directory's keys, answers and events."""
    async with channel(
        proxy.target(settings.peers.directory),
        audience="directory",
        signer=signer,
        service=SERVICE,
        clock=runtime.clock,
    ) as directory:
        sessions = SessionServiceStub(directory)
        keys = SigningKeys(sessions.GetSigningKeys, clock=runtime.clock)
        ended = EndedSessions(clock=runtime.clock)
        watching = Watching(
            ended, find_ended_sessions=sessions.FindEndedSessions, health=runtime.health
        )
        # Nobody can come in before the first keys are here.
        runtime.health.probe("signing_keys", keys.ready)
        async with (
            runtime.background("signing keys", keys.keep_fresh()),
            runtime.background("session events", watching.follow(settings.kafka)),
            runtime.background("session re-check", watching.recheck()),
        ):
            yield Admission(
                authenticator=Authenticator(
                    keys,
                    ended,
                    api_tokens=ApiTokens(sessions.ResolveApiToken, ended, clock=runtime.clock),
                    clock=runtime.clock,
                ),
                callers=Callers(signer, clock=runtime.clock),
                ended=ended,
            )


def _subscribe(streams: live.Live) -> proxy.Many:
    """Return the browsers' stream in the shape that HTTP endpoints have."""
    method = requirements()[SUBSCRIBE]

    async def subscribe(
        request: bytes, identity: Identity | None, _: float | None
    ) -> AsyncGenerator[bytes, None]:
        if identity is None:
            raise TokenMissing
        try:
            asked = SubscribeRequest.FromString(request)
        except DecodeError:
            raise proxy.RequestUnreadable.of(method) from None
        # A generator, whatever its signature says: it is closed with this one.
        frames: Any = streams.frames(identity, asked)
        async with aclosing(frames):
            async for frame in frames:
                yield frame

    return subscribe


ROLES: Final[Mapping[str, Role]] = {"api": api}
