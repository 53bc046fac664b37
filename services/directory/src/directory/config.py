"""Settings of the directory; every field is read from `DIRECTORY_<SECTION>__<KEY>`."""

from pathlib import Path

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
from pydantic import Field, IPvAnyNetwork, SecretStr, field_validator


class BootstrapSection(Section):
    """Permission to create the tenant; an empty secret refuses everyone."""

    secret: SecretStr = SecretStr("")


class TokensSection(Section):
    """The file with the private keys that sign access tokens: made at the first start, shared."""

    keys_file: Path


class PasswordsSection(Section):
    """The cost of argon2id (RFC 9106, second choice); how many checks run and wait at once.

    Networks take turns, each with at most `max_waiting_of_source` places. Devices that have
    signed in before, and `company_networks` (as JSON: `["203.0.113.0/24"]`), come first.
    """

    threads: int = Field(default=2, ge=1, le=64)
    max_waiting: int = Field(default=64, ge=1)
    max_waiting_of_source: int = Field(default=32, ge=1)
    company_networks: tuple[IPvAnyNetwork, ...] = ()
    time_cost: int = Field(default=3, ge=1)
    memory_kib: int = Field(default=65_536, ge=1_024)
    parallelism: int = Field(default=4, ge=1)


class UpkeepSection(Section):
    """Interval of the search for expired guests and role bindings."""

    every_seconds: Seconds = 5


class SecretsSection(Section):
    """The file with the keys that stored secrets are encrypted with: made at the first start.

    Unset: `secrets.json` beside the file of the signing keys.
    """

    keys_file: Path | None = None


class PasskeysSection(Section):
    """Relying party of passkeys; without an id there are no passkeys.

    `rp_id` is the domain that people see, for example `plexus.example.com`; `origins` are the pages
    that may ask for a passkey, for example `["https://plexus.example.com"]`.
    """

    rp_id: str = Field(default="", max_length=253)
    rp_name: str = Field(default="Plexus", min_length=1, max_length=100)
    origins: tuple[str, ...] = ()


class OpenIdSection(Section):
    """Access to the company's OpenID provider.

    `private_addresses` allows providers in networks that the internet does not reach, as on a
    company's own premises; this machine itself included.
    """

    private_addresses: bool = False
    timeout_seconds: Seconds = 5
    max_bytes: Positive = 256 * 1024


class ScimSection(Section):
    """The HR feed: names of departments, returning people, and allowed deactivations.

    `department_path` is made of `{organization}`, `{division}` and `{department}`; parted by
    `department_separator` it names departments from the root down.
    """

    department_path: str = "{department}"
    department_separator: str = Field(default="/", min_length=1)
    reactivates: bool = True
    max_deactivated_percent: int = Field(default=10, ge=0, le=100)
    always_deactivated: int = Field(default=5, ge=0)

    @field_validator("department_path")
    @classmethod
    def _names_known_parts(cls, value: str) -> str:
        try:
            value.format_map({"organization": "", "division": "", "department": ""})
        except (KeyError, IndexError, ValueError):
            raise ValueError("may hold {organization}, {division} and {department}") from None
        return value


class Settings(ServiceSettings, env_prefix="DIRECTORY_"):
    """Settings of directory."""

    mongo: MongoSection = MongoSection(database="directory")
    kafka: KafkaSection = KafkaSection()
    relay: RelaySection = RelaySection()
    grpc: GrpcSection
    caller: CallerSection
    bootstrap: BootstrapSection = BootstrapSection()
    tokens: TokensSection
    secrets: SecretsSection = SecretsSection()
    passwords: PasswordsSection = PasswordsSection()
    scim: ScimSection = ScimSection()
    upkeep: UpkeepSection = UpkeepSection()
    passkeys: PasskeysSection = PasskeysSection()
    openid: OpenIdSection = OpenIdSection()

    @property
    def secrets_file(self) -> Path:
        """Path of the keys of stored secrets."""
        return self.secrets.keys_file or self.tokens.keys_file.with_name("secrets.json")
