"""A company that uses this deployment."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from directory.domain import profiles
from directory.domain.ids import TenantId
from directory.domain.refusals import BootstrapRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A company; `time_zone` (IANA) stands in for people without one."""

    id: TenantId
    name: str
    time_zone: str
    created_at: datetime


def create(*, tenant_id: TenantId, name: str, time_zone: str, now: datetime) -> Tenant:
    """Make a tenant.

    Raises:
        InvalidArgument: the name is empty or the zone unknown.
    """
    return Tenant(
        id=tenant_id,
        name=profiles.display_name(name, field="tenant_name"),
        time_zone=profiles.time_zone(time_zone),
        created_at=now,
    )


def check_bootstrap(*, given: str, secret: str) -> None:
    """Compare the bootstrap secret in constant time; a deployment without one refuses everybody.

    Raises:
        BootstrapRefused: they differ, or there is none.
    """
    equal = hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode("utf-8"))
    if not secret or not equal:
        raise BootstrapRefused
