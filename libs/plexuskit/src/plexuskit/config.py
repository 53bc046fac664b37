"""Settings from the environment: `<SERVICE>_<SECTION>__<KEY>`, read once, frozen."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

MEBIBYTE = 1024 * 1024

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0)]
Positive = Annotated[int, Field(gt=0)]


class Section(BaseModel):
    """A group of settings that belong together."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )


class MongoSection(Section):
    """Address of the service's own database.

    `user` signs in with the password in `password_file`, or the URL contains both.
    """

    # Not in repr: URLs carry passwords.
    url: str = Field(default="mongodb://127.0.0.1:27017/?replicaSet=rs0", repr=False)
    user: str = ""
    password_file: Path | None = None
    database: str = Field(min_length=1, max_length=63)
    timeout_ms: Positive = 5000
    pool_size: Positive = 50

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if bool(self.user) != (self.password_file is not None):
            raise ValueError("user and password_file are given together")
        return self


class KafkaSection(Section):
    """Addresses of the brokers; `topic_prefix` is put before every topic and group name.

    `session_seconds` is how long a consumer may be silent until its partitions go to others:
    records that a killed process was about to read wait that long. Brokers refuse less than their
    `group.min.session.timeout.ms`, 6 s unless set.

    A record that fails for an unknown reason is set aside after `evidence_attempts` attempts over
    `evidence_seconds` in which its dependencies worked, at most one per partition in
    `set_aside_every_seconds`. A partition held for `held_degraded_seconds` is reported as degraded.

    `user` signs in with the password in `password_file`, which is read again for each connection
    that a client opens, or with `password`. `protocol` follows from the other settings, unless it
    is set: SASL with a user, TLS with a `ca_file`. The brokers' names are checked; without a
    `ca_file` against the system's authorities. `cert_file` and `key_file` are for brokers that
    require a certificate. MongoDB has the same in its URL.
    """

    url: str = "127.0.0.1:9092"
    topic_prefix: str = ""
    protocol: Literal["", "PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = ""
    mechanism: Literal["SCRAM-SHA-512", "PLAIN"] = "SCRAM-SHA-512"
    user: str = ""
    password: SecretStr | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    session_seconds: Seconds = 10
    evidence_attempts: Positive = 5
    evidence_seconds: Seconds = 300
    set_aside_every_seconds: Seconds = 600
    held_degraded_seconds: Seconds = 600

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file are given together")
        if self.cert_file is not None and self.ca_file is None:
            raise ValueError("a certificate needs the ca_file of the brokers")
        if bool(self.user) == (self.password is None and self.password_file is None):
            raise ValueError("user and password_file (or password) are given together")
        if self.password is not None and self.password_file is not None:
            raise ValueError("password and password_file: give one of them")
        if self.protocol and self.protocol.startswith("SASL_") != bool(self.user):
            raise ValueError("a user needs a SASL protocol, and a SASL protocol a user")
        if self.ca_file is not None and not self.protocol.endswith("SSL") and self.protocol:
            raise ValueError("a ca_file needs the protocol SSL or SASL_SSL")
        return self


class GrpcSection(Section):
    """Address of the gRPC server; port 0 lets the system choose."""

    host: str = "127.0.0.1"
    port: Port
    reflection: bool = False
    max_message_bytes: Positive = 8 * MEBIBYTE
    drain_seconds: Seconds = 10


class OpsSection(Section):
    """Address of /livez, /readyz and /metrics, and the time limit of a stop.

    Port 0 lets the system choose. After `stop_seconds` from the signal the process exits hard.
    """

    host: str = "127.0.0.1"
    port: Port
    stop_seconds: Seconds = 20


class RelaySection(Section):
    """Duration of the relay's lease without renewal.

    After a relay was killed its facts wait this long for another; one that is paused for longer has
    lost the lease.
    """

    lease_seconds: Seconds = 10


class CallerSection(Section):
    """The file with the Ed25519 keys that sign and verify caller contexts."""

    keys_file: Path


class TlsSection(Section):
    """Certificate of this process towards others: PEM files, read again when changed (GW-1).

    The certificate names the service as `spiffe://plexus/<service>` and, if others call it, as
    `<service>.plexus.internal`. Peers not signed by `ca_file` are rejected.
    """

    cert_file: Path
    key_file: Path
    ca_file: Path


class TelemetrySection(Section):
    """Logs and traces; spans leave the process only with an endpoint."""

    otlp_endpoint: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    log_format: Literal["json", "console"] = "json"
    sample_ratio: float = Field(default=0.01, ge=0, le=1)


class ServiceSettings(BaseSettings):
    """The settings that every process has; a service adds its sections.

        class Settings(ServiceSettings, env_prefix="TASKS_"):
            mongo: MongoSection = MongoSection(database="tasks")

    A key from the environment replaces that key of a section's default and leaves the others.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=True,
    )

    ops: OpsSection = OpsSection(port=0)
    telemetry: TelemetrySection = TelemetrySection()
    tls: TlsSection | None = None


class PasswordUnreadable(OSError):  # noqa: N818 - names the fact, like a refusal
    """A file with a password cannot be read; check its path and its permissions."""


def read_password(file: Path) -> str:
    """Return the password in a file, without white space around it.

    Raises:
        PasswordUnreadable: The file is missing, empty or not readable.
    """
    try:
        text = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise PasswordUnreadable(f"{file}: {error.strerror}") from error
    if not text:
        raise PasswordUnreadable(f"{file} is empty")
    return text


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def load(settings_type: type[SettingsT]) -> SettingsT:
    """Read the settings from the environment.

    Missing and invalid settings are printed as a list to standard error, each line with the name of
    its environment variable and never with its value; then the process exits with code 2.
    """
    problems = _unknown_variables(settings_type)
    try:
        settings = settings_type()
    except ValidationError as invalid:
        problems = sorted({*_problems(settings_type, invalid), *problems})
    except SettingsError as unreadable:  # a section given as a whole is JSON, and this one is not
        problems = [(f"{_variable(settings_type, ())}*", str(unreadable)), *problems]
    else:
        if not problems:
            return settings

    lines = [f"  {variable}: {problem}" for variable, problem in problems]
    sys.stderr.write("\n".join(["The settings cannot be used:", *lines, ""]))
    raise SystemExit(2)


def _problems(
    settings_type: type[ServiceSettings], invalid: ValidationError
) -> Iterator[tuple[str, str]]:
    """Yield the environment variable and its problem, never its value."""
    for error in invalid.errors(include_input=False, include_context=False, include_url=False):
        location, problem = error["loc"], error["msg"]
        absent = settings_type.model_fields.get(str(location[0])) if len(location) == 1 else None
        section = absent.annotation if absent and error["type"] == "missing" else None
        if isinstance(section, type) and issubclass(section, Section):
            required = [key for key, field in section.model_fields.items() if field.is_required()]
            for key in required:
                yield _variable(settings_type, (*location, key)), problem
        else:
            yield _variable(settings_type, location), problem


def _variable(settings_type: type[ServiceSettings], location: tuple[int | str, ...]) -> str:
    """Return the environment variable that sets the value at a location of the settings."""
    prefix = settings_type.model_config.get("env_prefix", "")
    return (prefix + "__".join(str(part) for part in location)).upper()


def _unknown_variables(settings_type: type[ServiceSettings]) -> list[tuple[str, str]]:
    """List variables of this service that name no section of it: a typing error, most likely.

    Only names with `__` are looked at: Kubernetes puts its own `TASKS_SERVICE_HOST` and
    `TASKS_PORT` into the environment of every pod beside a Service called tasks.
    """
    prefix = settings_type.model_config.get("env_prefix", "").upper()
    if not prefix:
        return []
    fields = {name.upper() for name in settings_type.model_fields}
    return [
        (name, f"there is no such section; known: {', '.join(sorted(fields))}")
        for name in sorted(os.environ)
        if name.upper().startswith(prefix)
        and "__" in name
        and name.upper().removeprefix(prefix).partition("__")[0] not in fields
    ]
