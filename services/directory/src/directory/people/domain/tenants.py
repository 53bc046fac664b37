"""A company that uses this deployment."""

import hmac
from dataclasses import dataclass
from datetime import datetime

from directory.people.domain import profiles
from directory.people.domain.refusals import BootstrapRefused
from directory.people.domain.working_hours import DEFAULT, WorkingHours
from directory.shared.domain.ids import TenantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A company; its zone (IANA) and working hours are the defaults of its people."""

    id: TenantId
    name: str
    time_zone: str
    working_hours: WorkingHours = DEFAULT
    created_at: datetime


def create(
    *,
    tenant_id: TenantId,
    name: str,
    time_zone: str,
    working_hours: WorkingHours = DEFAULT,
    now: datetime,
) -> Tenant:
    """Make a tenant.

    Raises:
        InvalidArgument: the name is empty or the zone unknown.
    """
    return Tenant(
        id=tenant_id,
        name=profiles.display_name(name, field="tenant_name"),
        time_zone=profiles.time_zone(time_zone),
        created_at=now,
        working_hours=working_hours,
    )


def check_bootstrap(*, given: str, secret: str) -> None:
    """Compare the bootstrap secret in constant time; a deployment without one refuses everyone.

    Raises:
        BootstrapRefused: they differ, or there is none.
    """
    equal = hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode("utf-8"))
    if not secret or not equal:
        raise BootstrapRefused
