"""Settings of the service; each comes from the environment as `AUDIT_<SECTION>__<KEY>`."""

from plexuskit.config import (
    CallerSection,
    GrpcSection,
    KafkaSection,
    MongoSection,
    OpsSection,
    Section,
    ServiceSettings,
)
from pydantic import Field


class PeersSection(Section):
    """Addresses of the owners, `host:port`, for snapshots of the state before the history began."""

    directory: str = Field(min_length=1)
    messaging: str = Field(min_length=1)
    tasks: str = Field(min_length=1)


class LedgerSection(Section):
    """Bounds of reading the ledger."""

    max_verified: int = Field(default=50_000, ge=1, description="entries one answer verifies")
    export_frame_bytes: int = Field(default=256 * 1024, ge=1024, le=4 * 1024 * 1024)


class Settings(ServiceSettings, env_prefix="AUDIT_"):
    """Everything a process of the service must know."""

    mongo: MongoSection = MongoSection(database="audit")
    kafka: KafkaSection = KafkaSection()
    grpc: GrpcSection = GrpcSection(port=7060)
    ops: OpsSection = OpsSection(port=9060)
    caller: CallerSection
    peers: PeersSection
    ledger: LedgerSection = LedgerSection()
