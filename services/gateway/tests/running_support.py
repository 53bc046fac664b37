"""A running gateway as its tests see it."""

from dataclasses import dataclass
from typing import Any

import grpc
from gateway.identity import Callers, EndedSessions
from plexuskit.grpc import METADATA_KEY
from plexuskit.service import Runtime

from .owners_support import (
    Directory,
    Imports,
    Issuer,
)


@dataclass
class Running:
    """A gateway with its owners, as tests access them."""

    grpc_port: int
    http_port: int

    issuer: Issuer
    directory: Directory
    imports: Imports
    ended: EndedSessions
    channel: grpc.aio.Channel
    http: str
    server_runtime: Runtime
    targets: dict[str, str]

    callers: Callers

    def as_gateway(self) -> tuple[tuple[str, bytes], ...]:
        """Return the caller metadata that the gateway sends directory for a public method."""
        return ((METADATA_KEY, self.callers.anonymous("directory")),)

    def bearer(self, **claims: Any) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.issuer.token(**claims)}"),)
