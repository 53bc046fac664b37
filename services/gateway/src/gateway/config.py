"""Settings of the gateway; every field is read from `GATEWAY_<SECTION>__<KEY>`."""

from collections.abc import Mapping

from plexuskit.config import (
    MEBIBYTE,
    CallerSection,
    GrpcSection,
    KafkaSection,
    OpsSection,
    Port,
    Positive,
    Seconds,
    Section,
    ServiceSettings,
)
from pydantic import Field


class HttpSection(Section):
    """What browsers reach: the Connect protocol over HTTP/1.1; port 0 lets the system choose.

    `origins` are the web pages that may call from elsewhere, for example
    `["https://plexus.example.com"]`; pages of the same origin need no entry.
    """

    host: str = "127.0.0.1"
    port: Port
    origins: tuple[str, ...] = ()
    max_body_bytes: Positive = 4 * MEBIBYTE
    max_scim_body_bytes: Positive = MEBIBYTE
    # Where HR feeds reach this port, for example `https://plexus.example.com`; empty: as they say.
    public_url: str = Field(default="", pattern=r"^(https?://[^\s/?#]+)?/?$")


class PeersSection(Section):
    """The owners that requests go to, each `host:port[,host:port]` or a DNS name of several."""

    directory: str = Field(min_length=1)
    messaging: str = Field(min_length=1)
    tasks: str = Field(min_length=1)
    notify: str = Field(min_length=1)
    search: str = Field(min_length=1)

    def by_service(self) -> Mapping[str, str]:
        """Return the addresses by name of the service, which is also the audience of callers."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class LiveSection(Section):
    """Client streams: how often they say they live, how much they may hold back."""

    heartbeat_seconds: Seconds = 20
    # How long a stream outlives its token, so that a client has time for Reauthenticate.
    expiry_grace_seconds: Seconds = 60
    # Events that come together leave in one response.
    linger_ms: float = Field(default=5, ge=0, le=1000)
    # Beyond either bound a session is told to resynchronise.
    buffer_frames: Positive = 2000
    buffer_bytes: Positive = 4 * MEBIBYTE
    most_unacknowledged: Positive = 1000
    most_item_bytes: Positive = 160 * 1024
    # How often the addresses behind a DNS name of messaging are looked up anew.
    resolve_seconds: Seconds = 10
    # What a leaving gateway tells its streams; shorter than `grpc.drain_seconds`.
    drain_seconds: Seconds = 5


class Settings(ServiceSettings, env_prefix="GATEWAY_"):
    """Everything the gateway can be told from outside."""

    grpc: GrpcSection
    http: HttpSection
    peers: PeersSection
    kafka: KafkaSection = KafkaSection()
    caller: CallerSection
    ops: OpsSection = OpsSection(port=0)
    live: LiveSection = LiveSection()
