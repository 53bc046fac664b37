"""A gateway in this process, with its owning services and clients."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
from gateway import app
from gateway.config import HttpSection, LimitsSection, LiveSection, PeersSection, Settings
from plexus_local.servers.ports import free_port
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.config import CallerSection, GrpcSection, KafkaSection
from plexuskit.service import Runtime

from .client_support import Client
from .owners_support import Directory, Messaging


class World:
    """All running servers, with gateways and clients on request."""

    def __init__(
        self,
        *,
        directory: Directory,
        directory_port: int,
        messaging: Messaging,
        kafka: KafkaSection,
        own_kafka: KafkaSection,
        keys: CallerSection,
    ) -> None:
        self.directory = directory
        self.messaging = messaging
        self.kafka = kafka
        self.own_kafka = own_kafka
        self.keys = keys
        self.directory_port = directory_port
        self.limits = LimitsSection(enabled=False)

    def settings(self, *, port: int, messaging: str, **live: Any) -> Settings:
        nowhere = "127.0.0.1:9"
        return Settings(
            grpc=GrpcSection(port=port, drain_seconds=3),
            http=HttpSection(port=0),
            peers=PeersSection(
                directory=f"127.0.0.1:{self.directory_port}",
                messaging=messaging or f"127.0.0.1:{self.messaging.port}",
                tasks=nowhere,
                notify=nowhere,
                search=nowhere,
                audit=nowhere,
            ),
            kafka=self.own_kafka,
            caller=self.keys,
            live=LiveSection(**live),
            limits=self.limits,
        )

    @asynccontextmanager
    async def gateway(self, *, messaging: str = "", **live: Any) -> AsyncIterator["Gateway"]:
        """Run a gateway with live settings of the test's own."""
        runtime = Runtime(service="gateway", clock=SystemClock())
        port = free_port()
        async with app.api(self.settings(port=port, messaging=messaging, **live), runtime):
            gateway = Gateway(self, port, runtime)
            try:
                await eventually(lambda: _is_ok(runtime, "messaging_streams"), within=30)
                yield gateway
            finally:
                await gateway.close()
                runtime.stop()
                runtime.leave()
        await runtime.close()


def _is_ok(runtime: Runtime, check: str) -> bool:
    return any(each.name == check and each.ok for each in runtime.health.checks())


class Gateway:
    """A running gateway, and its clients."""

    def __init__(self, world: World, port: int, runtime: Runtime) -> None:
        self.world = world
        self.target = f"127.0.0.1:{port}"
        self.runtime = runtime
        self._stack = AsyncExitStack()
        self._channel: grpc.aio.Channel | None = None

    async def close(self) -> None:
        await self._stack.aclose()

    async def client(self, person_id: str, *, token: str = "", **options: Any) -> "Client":
        """Open a session and wait for its welcome."""
        client = self.unopened(person_id, token=token, **options)
        await client.open()
        await eventually(lambda: client.welcome)
        return client

    def unopened(self, person_id: str, *, token: str = "", **options: Any) -> "Client":
        channel = self._stack.push_async_exit  # closed with the gateway
        client = Client(
            self.target,
            person_id,
            token or self.world.directory.token(person_id),
            **options,
        )

        async def close(*_: object) -> None:
            await client.close()

        channel(close)
        return client
