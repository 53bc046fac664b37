"""The replica of an owner as one context manager: what a service's wiring enters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexuskit.config import CallerSection, KafkaSection, TlsSection
from plexuskit.grpc import CallerSigner, channel
from plexuskit.service import Runtime

from plexus_access.decisions import Decisions
from plexus_access.feeding import Feed
from plexus_access.replica import Replica

START_SECONDS: Final = 10.0
"""Seconds that a start waits for the first snapshot; the process is not ready before it."""


@asynccontextmanager
async def deciding(
    directory: str,
    *,
    service: str,
    caller: CallerSection,
    kafka: KafkaSection,
    tls: TlsSection | None,
    runtime: Runtime,
) -> AsyncIterator[Decisions]:
    """Keep a replica of directory for the length of the block, and decide on it.

    Args:
        directory: `host:port` of directory.
        service: name of the service that decides.
        caller: the service's own keys.
        kafka: where directory's topics are.
        tls: the service's certificate; None speaks in plain text.
        runtime: the process; it is ready once the first snapshot is loaded.
    """
    replica = Replica()
    async with channel(
        directory,
        audience="directory",
        signer=CallerSigner(caller),
        service=service,
        tls=tls,
        clock=runtime.clock,
    ) as opened:
        feed = Feed(replica, AuthorityStub(opened), health=runtime.health, clock=runtime.clock)
        async with runtime.background("access", feed.follow(kafka)):
            # What is served before this would only be refused.
            with suppress(TimeoutError):
                async with asyncio.timeout(START_SECONDS):
                    await feed.loaded.wait()
            yield Decisions(replica, current=lambda: feed.current, clock=runtime.clock)
