"""Everything that can be set, once."""

from plexuskit.config import (
    CallerSection,
    GrpcSection,
    KafkaSection,
    MongoSection,
    OpsSection,
    RelaySection,
    Section,
    ServiceSettings,
    TelemetrySection,
)
from pydantic import Field


class PeersSection(Section):
    """Addresses of the owners that messaging asks."""

    directory: str = Field(description="host:port of directory's gRPC server")


class LogSection(Section):
    """Group commit settings (architecture: the message path)."""

    lanes: int = Field(default=2, ge=1, le=64, description="batches in flight at once")
    changes: int = Field(default=4, ge=1, le=64, description="rare changes under way at once")
    batch_items: int = Field(default=256, ge=1, le=1000)
    batch_bytes: int = Field(default=2 * 1024 * 1024, ge=64 * 1024)
    queue_items: int = Field(default=20_000, ge=1, description="waiting items before refusing")
    tails: int = Field(default=20_000, ge=1, description="conversations kept in memory")


class LimitsSection(Section):
    """Rate limits of one process (MSG-18)."""

    sender_rate: float = Field(default=100, gt=0, description="messages a second of one sender")
    sender_burst: int = Field(default=1_000, ge=1, description="at once, after a pause")
    conversation_rate: float = Field(default=2_000, gt=0, description="into one conversation")
    conversation_burst: int = Field(default=5_000, ge=1)


class ScheduleSection(Section):
    """Settings for claiming and sending scheduled messages (MSG-17)."""

    poll_seconds: float = Field(default=1.0, gt=0, le=60)
    batch: int = Field(default=50, ge=1, le=500, description="messages looked at together")
    lease_seconds: float = Field(default=30, gt=0, description="until another may take over")
    retry_seconds: float = Field(default=5, gt=0, description="while directory is away")
    shortest_seconds: float = Field(default=60, ge=0, description="how far ahead at least")


class Settings(ServiceSettings, env_prefix="MESSAGING_"):
    """Settings of a messaging process, from `MESSAGING_<SECTION>__<KEY>`."""

    mongo: MongoSection = MongoSection(database="messaging")
    kafka: KafkaSection = KafkaSection()
    relay: RelaySection = RelaySection()
    grpc: GrpcSection = GrpcSection(port=7102)
    ops: OpsSection = OpsSection(port=9102)
    caller: CallerSection
    telemetry: TelemetrySection = TelemetrySection()
    peers: PeersSection
    log: LogSection = LogSection()
    limits: LimitsSection = LimitsSection()
    schedule: ScheduleSection = ScheduleSection()
