"""Where attempts to sign in come from, and those that failed (GW-7, GW-13)."""

from dataclasses import dataclass, field
from datetime import datetime

from directory.domain.ids import PersonId, TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an attempt comes from.

    Attributes:
        network: of the client, as the gateway sees it; empty where it does not know.
        device_key: what the client keeps of an earlier sign-in; not yet checked.
    """

    network: str = ""
    device_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedSignIns:
    """Failed attempts of one minute, added up for a person and a network.

    Attributes:
        person_id: empty for handles that nobody has, which are not kept.
        minute: its beginning.
        second_factor: whether the second factor was wrong and not the password.
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
