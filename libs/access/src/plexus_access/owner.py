"""The replica of an owner as one context manager, for the wiring of a service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexuskit.config import KafkaSection
from plexuskit.grpc import PeerSettings, peers
from plexuskit.service import Runtime

from plexus_access.decisions import Decisions
from plexus_access.feeding import Feed
from plexus_access.replica import Replica

START_SECONDS: Final = 10.0
"""Seconds that a start waits for the first snapshot; the process is not ready before it."""


class DecidingSettings(PeerSettings, Protocol):
    """Settings of a service that decides on a replica of directory."""

    @property
    def kafka(self) -> KafkaSection:
        """Address of directory's topics."""
        ...


@asynccontextmanager
async def deciding(
    settings: DecidingSettings, *, service: str, runtime: Runtime
) -> AsyncIterator[Decisions]:
    """Keep a replica of directory for the duration of the block, for decisions.

    Args:
        settings: of the service that decides.
        service: its name.
        runtime: the process; it is ready once the first snapshot is loaded.
    """
    replica = Replica()
    async with peers(
        "directory", settings=settings, service=service, clock=runtime.clock
    ) as owners:
        directory = AuthorityStub(owners["directory"])
        feed = Feed(replica, directory, health=runtime.health, clock=runtime.clock)
        async with runtime.background("access", feed.follow(settings.kafka)):
            # Requests before this would only be refused.
            with suppress(TimeoutError):
                async with asyncio.timeout(START_SECONDS):
                    await feed.loaded.wait()
            yield Decisions(replica, current=lambda: feed.current, clock=runtime.clock)
