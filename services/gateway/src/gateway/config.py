"""Settings of the gateway; every field is read from `GATEWAY_<SECTION>__<KEY>`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

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
from pydantic import Field, IPvAnyNetwork

PerSecond = Annotated[float, Field(gt=0, le=1_000_000)]
Burst = Annotated[int, Field(gt=0, le=1_000_000)]


class HttpSection(Section):
    """HTTP port for browsers: the Connect protocol over HTTP/1.1; port 0 lets the system choose.

    `origins` are the web pages of other origins that may call, for example
    `["https://plexus.example.com"]`; pages of the same origin need no entry.
    """

    host: str = "127.0.0.1"
    port: Port
    origins: tuple[str, ...] = ()
    max_body_bytes: Positive = 4 * MEBIBYTE
    max_scim_body_bytes: Positive = MEBIBYTE
    # URL of this port for HR feeds, such as `https://plexus.example.com`; empty: their `Host`.
    public_url: str = Field(default="", pattern=r"^(https?://[^\s/?#]+)?/?$")
    # Serve the API reference below `/docs` to everyone who reaches this port.
    docs: bool = True
    # From the first byte of a request, or of a connection, to the last of its body.
    request_seconds: Seconds = 30
    max_connections: Positive = 20_000
    # Unauthenticated connections per network address; company networks have more.
    max_address_connections: Positive = 2000
    # Bytes of large bodies in transit, and the number of incomplete small bodies of one address
    # from unauthenticated callers.
    max_unfinished_bytes: Positive = 64 * MEBIBYTE
    max_address_bodies: Positive = 256


class PublicTlsSection(Section):
    """The certificate of the ports that clients reach, as PEM; read again when it has changed.

    It names the hosts that clients know, and clients need none of their own. Without it both ports
    speak plain text, and something before them has to end TLS.
    """

    cert_file: Path
    key_file: Path


class PeersSection(Section):
    """The owners that requests go to, each `host:port[,host:port]` or a DNS name of several."""

    directory: str = Field(min_length=1)
    messaging: str = Field(min_length=1)
    tasks: str = Field(min_length=1)
    notify: str = Field(min_length=1)
    search: str = Field(min_length=1)
    audit: str = Field(min_length=1)

    def by_service(self) -> Mapping[str, str]:
        """Return the addresses by name of the service, which is also the audience of callers."""
        return {name: getattr(self, name) for name in type(self).model_fields}


class LiveSection(Section):
    """Client streams: interval of heartbeats, sizes of buffers."""

    heartbeat_seconds: Seconds = 20
    # Time that a stream outlives its token, so that a client can use Reauthenticate.
    expiry_grace_seconds: Seconds = 60
    # Events that come together leave in one response.
    linger_ms: float = Field(default=5, ge=0, le=1000)
    # Beyond either bound a session must resynchronise.
    buffer_frames: Positive = 2000
    buffer_bytes: Positive = 4 * MEBIBYTE
    max_unacknowledged: Positive = 1000
    max_item_bytes: Positive = 160 * 1024
    # Interval between look-ups of the addresses behind a DNS name of messaging.
    resolve_seconds: Seconds = 10
    # Time to leave announced to streams when draining; shorter than `grpc.drain_seconds`.
    drain_seconds: Seconds = 5


class WebSection(Section):
    """The web client: `folder` holds its build, and `/` serves it; without it nothing is served."""

    folder: Path | None = None


class RateSection(Section):
    """A token bucket: `burst` requests at once, `per_second` in the long run."""

    per_second: PerSecond
    burst: Burst


class RatesSection(Section):
    """Rates per person, app (API token) and tenant (GW-6).

    An app uses its own bucket and one that all tokens of its person share, which is as large as the
    person's (GW-9). Reads are all calls that change nothing visible to others. The defaults suit
    people at work and a company of 10,000: a starting client makes about a hundred reads at once.
    """

    person_read: RateSection = RateSection(per_second=50, burst=200)
    person_change: RateSection = RateSection(per_second=20, burst=60)
    app_read: RateSection = RateSection(per_second=200, burst=800)
    app_change: RateSection = RateSection(per_second=100, burst=300)
    tenant: RateSection = RateSection(per_second=5000, burst=10_000)


class OverridingSection(Section):
    """Rates of one tenant; unset ones default to the general rates."""

    person_read: RateSection | None = None
    person_change: RateSection | None = None
    app_read: RateSection | None = None
    app_change: RateSection | None = None
    tenant: RateSection | None = None


class LimitsSection(RatesSection):
    """Limits of one process; several processes allow several times as much.

    `address` and `handle` count failed calls without an identity: from one network address, and
    sign-ins with one handle from one network. Successful ones never count (GW-13), but for two
    methods: `options` counts questions how to sign in from one address, and `refresh` counts
    refreshes of one session, which a client needs once in some minutes.
    `company_networks` are networks that many people share, as JSON: `["203.0.113.0/29"]`; each of
    their addresses has `company_allowance` times as much. `trusted_proxies` are the networks of the
    proxies before the gateway, whose `X-Forwarded-For` contains the client's address, as JSON:
    `["10.0.0.0/8"]`. Any other proxy counts as one client, however many clients are behind it.
    `doubt` counts objects denied by the projection, about which their owner is asked. `refused`
    counts items of streams that a rate refuses, and frames without items: a stream that exceeds it
    ends. `tenants` has the rates of single tenants by their id, as JSON.
    """

    enabled: bool = True
    address: RateSection = RateSection(per_second=20, burst=200)
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    company_networks: tuple[IPvAnyNetwork, ...] = ()
    company_allowance: Annotated[int, Field(ge=1, le=1000)] = 20
    handle: RateSection = RateSection(per_second=0.2, burst=10)
    options: RateSection = RateSection(per_second=100, burst=1000)
    refresh: RateSection = RateSection(per_second=0.2, burst=30)
    doubt: RateSection = RateSection(per_second=10, burst=40)
    refused: RateSection = RateSection(per_second=500, burst=10_000)
    # At one moment: plain calls that wait for their answer, and streams.
    calls_per_person: Positive = 64
    streams_per_person: Positive = 20
    streams: Positive = 20_000
    # Buckets of each sort that are remembered; about 250 bytes each.
    kept: Positive = 100_000
    tenants: Mapping[str, OverridingSection] = {}

    def of(self, tenant_id: str) -> RatesSection:
        """Return the rates of a tenant: its own where it has some, else the general ones."""
        own = self.tenants[tenant_id]
        names = RatesSection.model_fields
        return RatesSection(**{name: getattr(own, name) or getattr(self, name) for name in names})


class Settings(ServiceSettings, env_prefix="GATEWAY_"):
    """Settings of the gateway."""

    grpc: GrpcSection
    http: HttpSection
    peers: PeersSection
    kafka: KafkaSection = KafkaSection()
    caller: CallerSection
    ops: OpsSection = OpsSection(port=0)
    live: LiveSection = LiveSection()
    limits: LimitsSection = LimitsSection()
    web: WebSection = WebSection()
    public_tls: PublicTlsSection | None = None
