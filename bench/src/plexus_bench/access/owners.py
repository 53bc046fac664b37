"""Owners that serve generated snapshots to a gateway and proxy other calls to the directory."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import grpc
from plexus.authz.v1.authority_pb2 import SnapshotRequest, SnapshotResponse

SNAPSHOT: Final = "/plexus.authz.v1.Authority/Snapshot"
CALL_SECONDS: Final = 10.0
OWNERS: Final = ("directory", "messaging", "tasks")

Frames = Mapping[str, Sequence[bytes]]
"""Serialized `SnapshotResponse`s by topic; those of relations under the empty one."""


@asynccontextmanager
async def owners(
    *, directory: Frames, messaging: Frames, behind: str
) -> AsyncIterator[Mapping[str, str]]:
    """Serve snapshots as directory, messaging and tasks would; yield `host:port` of each.

    Args:
        directory: its frames.
        messaging: its frames; tasks has none.
        behind: address of the real directory, for signing keys and ended sessions.
    """
    told = {"directory": directory, "messaging": messaging, "tasks": {}}
    addresses = {}
    async with AsyncExitStack() as stack:
        real = await stack.enter_async_context(grpc.aio.insecure_channel(behind))
        for name in OWNERS:
            server = grpc.aio.server()
            server.add_generic_rpc_handlers([_Owner(told[name], real)])
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            stack.push_async_callback(server.stop, None)
            addresses[name] = f"127.0.0.1:{port}"
        yield addresses


class _Owner(grpc.GenericRpcHandler):
    """Streams prepared frames; proxies a unary call with its bytes and its caller."""

    def __init__(self, frames: Frames, real: grpc.aio.Channel) -> None:
        self._frames = frames
        self._real = real

    def service(self, handler_call_details: Any) -> Any:
        """Return the handler of a method; bidirectional streams are not served."""
        method = handler_call_details.method
        if method == SNAPSHOT:
            return grpc.unary_stream_rpc_method_handler(self._snapshot)
        if method.startswith("/plexus.directory."):
            return grpc.unary_unary_rpc_method_handler(self._passed_on(method))
        return None

    async def _snapshot(self, request: bytes, _: Any) -> AsyncIterator[bytes]:
        topics = SnapshotRequest.FromString(request).topics
        for topic in topics or [""]:
            for frame in self._frames.get(topic, (SnapshotResponse().SerializeToString(),)):
                yield frame

    def _passed_on(self, method: str) -> Any:
        call: Any = self._real.unary_unary(method)

        async def forward(request: bytes, context: Any) -> Any:
            metadata = [
                (key, value)
                for key, value in context.invocation_metadata()
                if not key.startswith(("grpc-", "user-agent"))
            ]
            return await call(request, metadata=metadata, timeout=CALL_SECONDS)

        return forward
