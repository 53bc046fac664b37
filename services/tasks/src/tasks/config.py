"""Settings of the service; each comes from the environment as `TASKS_<SECTION>__<KEY>`."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plexuskit.config import (
    CallerSection,
    GrpcSection,
    KafkaSection,
    MongoSection,
    RelaySection,
    Section,
    ServiceSettings,
)
from pydantic import Field, field_validator


class PeersSection(Section):
    """Addresses of the owners that tasks asks."""

    directory: str = Field(min_length=1, description="host:port of directory's gRPC server")


class CalendarSection(Section):
    """In which zone due days end for people whose own zone is not known (TSK-3)."""

    time_zone: str = "Asia/Shanghai"

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as unknown:
            raise ValueError(f"{value!r} is no IANA time zone") from unknown
        return value

    @property
    def zone(self) -> ZoneInfo:
        """Return the zone itself."""
        return ZoneInfo(self.time_zone)


class SchedulerSection(Section):
    """Interval and batch size of the search for overdue tasks."""

    poll_seconds: float = Field(default=5.0, gt=0, le=300)
    batch: int = Field(default=200, ge=1, le=2000)


class Settings(ServiceSettings, env_prefix="TASKS_"):
    """Everything a process of the service must know."""

    mongo: MongoSection = MongoSection(database="tasks")
    kafka: KafkaSection = KafkaSection()
    relay: RelaySection = RelaySection()
    grpc: GrpcSection = GrpcSection(port=7040)
    caller: CallerSection
    peers: PeersSection
    calendar: CalendarSection = CalendarSection()
    scheduler: SchedulerSection = SchedulerSection()
