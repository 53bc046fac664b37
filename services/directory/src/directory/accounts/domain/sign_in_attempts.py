"""Sources of attempts to sign in, and attempts that failed (GW-7, GW-13)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from directory.shared.domain.ids import PersonId, TenantId

_DEVICE: Final = "device:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Origin of an attempt.

    Attributes:
        network: the client's network, as the gateway sees it; empty if unknown.
        device_key: the client's key from an earlier sign-in; not yet checked.
    """

    network: str = ""
    device_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedSignIns:
    """Failed attempts of one minute, added up for a person and a network.

    Attributes:
        person_id: empty for unknown handles, which are not stored.
        minute: its beginning.
        second_factor: true if the second factor was wrong, false if the password was.
    """

    tenant_id: TenantId
    person_id: PersonId
    network: str
    minute: datetime
    second_factor: bool
    attempts: int = 1

    @property
    def key(self) -> str:
        """The name under which attempts are added up."""
        whose = self.person_id or self.tenant_id
        factor = "second_factor" if self.second_factor else "password"
        return f"{whose}|{self.network}|{self.minute.isoformat()}|{factor}"


def device_source(device_key: str) -> str:
    """Return the key by which failed attempts of a known device are counted."""
    return f"{_DEVICE}{device_key}"


def is_device(source: str) -> bool:
    """Return whether attempts are counted by a known device."""
    return source.startswith(_DEVICE)


def network_source(origin: Origin) -> str:
    """Return the key by which failed attempts of an unknown device are counted."""
    return f"network:{origin.network}"
