"""Settings of the service; each comes from the environment as `SEARCH_<SECTION>__<KEY>`."""

from pathlib import Path

from plexuskit.config import (
    CallerSection,
    GrpcSection,
    KafkaSection,
    OpsSection,
    Section,
    ServiceSettings,
    TelemetrySection,
)
from pydantic import Field


class OpensearchSection(Section):
    """Address of the index; every index and alias begins with the prefix.

    An `https` URL is verified with the machine's authorities, or with those of `ca_file` alone.
    """

    # Not in repr: URLs carry passwords.
    url: str = Field(default="http://127.0.0.1:9200", repr=False)
    ca_file: Path | None = None
    index_prefix: str = Field(default="plexus-", pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64)
    timeout_seconds: float = Field(default=3.0, gt=0, le=3, description="of a query")
    bulk_timeout_seconds: float = Field(default=20.0, gt=0, le=30, description="of one bulk write")


class PeersSection(Section):
    """Addresses of the owners, `host:port`: they decide read access."""

    directory: str
    messaging: str
    tasks: str


class QuerySection(Section):
    """Bounds of answering."""

    lag_threshold_seconds: float = Field(
        default=10.0, gt=0, description="behind by more than this, answers say `partial` (SRC-4)"
    )
    owner_timeout_seconds: float = Field(default=3.0, gt=0, le=5)
    readers_cached: int = Field(default=5_000, ge=1, description="people whose containers are kept")


class Settings(ServiceSettings, env_prefix="SEARCH_"):
    """Everything a process of the service must know."""

    opensearch: OpensearchSection = OpensearchSection()
    kafka: KafkaSection = KafkaSection()
    grpc: GrpcSection = GrpcSection(port=7050)
    ops: OpsSection = OpsSection(port=9050)
    caller: CallerSection
    telemetry: TelemetrySection = TelemetrySection()
    peers: PeersSection
    query: QuerySection = QuerySection()
