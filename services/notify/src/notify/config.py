"""Settings of the service; each comes from the environment as `NOTIFY_<SECTION>__<KEY>`."""

from datetime import timedelta
from urllib.parse import urlsplit

from plexuskit.config import (
    CallerSection,
    GrpcSection,
    KafkaSection,
    MongoSection,
    Positive,
    RelaySection,
    Seconds,
    Section,
    ServiceSettings,
)
from pydantic import Field, field_validator

_PORTS = {"smtp": 25, "smtps": 465}


class PeersSection(Section):
    """Owners that are queried, each `host:port`.

    Messaging and tasks before a mail is sent; directory for people at a start, and for the members
    of an addressed department.
    """

    directory: str = Field(min_length=1)
    messaging: str = Field(min_length=1)
    tasks: str = Field(min_length=1)


class SmtpSection(Section):
    """Mail server and its protocol.

    `smtps://` is TLS from the first byte, `starttls` upgrades a plain connection and fails if the
    server cannot. User and password have fields of their own, never the URL.
    """

    url: str
    sender: str = Field(min_length=3, description="address, or `Name <address>`")
    user: str = Field(default="", repr=False)
    password: str = Field(default="", repr=False)
    starttls: bool = False
    # Per command of the conversation with the server, and for one mail as a whole.
    timeout_seconds: Seconds = 10
    mail_seconds: Seconds = 30
    connections: Positive = 4

    @field_validator("url")
    @classmethod
    def _known(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("write it as smtp://host:port or smtps://host:port")
        if parts.username or parts.password:
            raise ValueError("set user and password apart from the URL")
        return value

    @field_validator("sender")
    @classmethod
    def _address(cls, value: str) -> str:
        if "@" not in value or "\n" in value or "\r" in value:
            raise ValueError("write it as plexus@example.com or Plexus <plexus@example.com>")
        return value

    @property
    def host(self) -> str:
        """Return the server's name."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Return the server's port: the usual one of the scheme unless the URL names it."""
        parts = urlsplit(self.url)
        return parts.port or _PORTS[parts.scheme]

    @property
    def tls(self) -> bool:
        """Return whether the connection is encrypted from its first byte."""
        return urlsplit(self.url).scheme == "smtps"


class MailSection(Section):
    """Contents of mails; with `content` off they announce a notification, not its text (NTF-9).

    To an address that another person or a feed has set, mails announce only, for as long as
    `new_address`.
    """

    content: bool = True
    new_address: timedelta = Field(default=timedelta(days=7), ge=timedelta(0))


class DeliverySection(Section):
    """Polling, claims and retries of due e-mails."""

    poll_seconds: Seconds = 1
    batch: int = Field(default=50, ge=1, le=1000)
    # The mails of a dead sender are released after this; must outlast one batch.
    lease_seconds: float = Field(default=180, ge=5)
    # Mails that waited for the end of quiet hours leave within this time after it (NTF-4).
    jitter_seconds: float = Field(default=120, ge=0, le=1800)
    retry_first_seconds: Seconds = 30
    retry_max_seconds: Seconds = 3600
    give_up_after: timedelta = Field(default=timedelta(hours=24), gt=timedelta(0))


class RemindersSection(Section):
    """Time before a task is due at which its people are reminded."""

    before: timedelta = Field(default=timedelta(hours=24), ge=timedelta(0))
    batch: int = Field(default=100, ge=1, le=1000)


class Settings(ServiceSettings, env_prefix="NOTIFY_"):
    """Everything a process of the service must know."""

    mongo: MongoSection = MongoSection(database="notify")
    kafka: KafkaSection = KafkaSection()
    relay: RelaySection = RelaySection()
    grpc: GrpcSection = GrpcSection(port=7050)
    caller: CallerSection
    peers: PeersSection
    smtp: SmtpSection
    mail: MailSection = MailSection()
    delivery: DeliverySection = DeliverySection()
    reminders: RemindersSection = RemindersSection()
