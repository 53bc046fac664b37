"""Reports of people's presence to messaging, on behalf of connected users."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from typing import TYPE_CHECKING, Final

import grpc
from plexus.messaging.v1.signal_service_pb2 import SignalPresenceRequest
from plexus.messaging.v1.signal_service_pb2_grpc import SignalServiceStub
from plexuskit.config import TlsSection
from plexuskit.grpc import METADATA_KEY, open_channel
from plexuskit.grpc.caller import GATEWAY
from plexuskit.grpc.status import translated

from gateway.identity import Callers, Identity
from gateway.live.endpoints import parse
from gateway.live.presence import Say, State
from gateway.live.router import MESSAGING

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.messaging.v1.signal_service_pb2_grpc import SignalServiceAsyncStub

REPORT_SECONDS: Final = 3.0


@asynccontextmanager
async def presence_reports(
    peers: str, callers: Callers, *, tls: TlsSection | None
) -> AsyncIterator[Say]:
    """Provide the function that reports presence to messaging's processes in turn.

    Args:
        peers: `host:port[,host:port]` of messaging.
        callers: signs caller contexts.
        tls: the gateway's certificate; None speaks in plain text.
    """
    async with AsyncExitStack() as stack:
        stubs: list[SignalServiceAsyncStub] = []
        for host, port in parse(peers):
            target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            channel = await stack.enter_async_context(
                open_channel(target, tls=tls, service=GATEWAY, audience=MESSAGING)
            )
            stubs.append(SignalServiceStub(channel))
        turns = cycle(stubs)

        async def report(identity: Identity, state: State) -> None:
            signed = callers.once(identity, audience=MESSAGING)
            try:
                await next(turns).SignalPresence(
                    SignalPresenceRequest(state=state),
                    metadata=((METADATA_KEY, signed),),
                    timeout=REPORT_SECONDS,
                )
            except grpc.aio.AioRpcError as error:
                raise translated(error, dependency=MESSAGING) from error

        yield report
