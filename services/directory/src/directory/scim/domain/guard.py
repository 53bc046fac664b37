"""The mass-change guard: a feed that would deactivate too many stops and asks (INT-1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from plexuskit.errors import Kind, Refusal

from directory.shared.domain.ids import PersonId, TenantId

WINDOW: Final = timedelta(hours=24)
MAX_ABOUT: Final = 256
MAX_WAITING_SHOWN: Final = 1_000
REFUSED_KEPT: Final = timedelta(days=30)
MAX_REFUSED_SHOWN: Final = 100
IGNORED_KEPT: Final = timedelta(days=30)
MAX_IGNORED_SHOWN: Final = 100
MAX_IGNORED_KEPT: Final = 1_000
APPROVE: Final = "people.approve_feed"
"""The permission to answer for a feed that has stopped."""


class DeactivationWaits(Refusal):
    """The feed has stopped: this deactivation is kept until an administrator has answered."""

    kind = Kind.FAILED_PRECONDITION
    text = (
        "The feed would deactivate more people than a day allows. This one waits for an"
        " administrator: plexus admin feed status."
    )


class FeedNotStopped(Refusal):
    """No deactivation is waiting."""

    kind = Kind.FAILED_PRECONDITION
    text = "The feed is not stopped, so there is nothing to approve or drop."


class FeedChanged(Refusal):
    """Others wait than the answer was about."""

    kind = Kind.CONFLICT
    text = "{waiting} people wait now. Look at the feed again before you answer."


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bound of a feed's deactivations in 24 hours: a share of the active people, with a minimum."""

    percent: int
    at_least: int

    def allowed(self, *, active: int, deactivated: int) -> int:
        """Return how many of the people active at the window's start may be deactivated."""
        return max(self.at_least, (active + deactivated) * self.percent // 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Person whose deactivation waits after the feed has stopped; `remove`: by DELETE."""

    person_id: PersonId
    remove: bool
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Latest request of a feed about a person or group that exceeded its grants.

    `about` is an id, or the name of a new person or group; `permission` the first one missing.
    """

    about: str
    reason: str
    permission: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """An attribute that a feed sends and no schema here declares.

    `resource`: the type of resource that it belongs to, for example `User`.
    """

    resource: str
    attribute: str
    last_sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """State of a tenant's feed, which is stopped while deactivations wait.

    Attributes:
        deactivated: deactivations of the last 24 hours.
        allowed: the limit of them.
        waiting: the 1,000 people at most who wait longest, in this order.
        waiting_count: the number of all who wait.
        refused: the last refusals of what the feed sent.
        ignored: attributes without a column.
    """

    deactivated: int
    allowed: int
    waiting: tuple[Waiting, ...]
    waiting_count: int
    refused: tuple[Refused, ...] = ()
    ignored: tuple[Ignored, ...] = ()

    @property
    def stopped(self) -> bool:
        """True while deactivations wait for an administrator."""
        return bool(self.waiting)

    @property
    def stopped_at(self) -> datetime | None:
        """Since when; None for a feed that runs."""
        return min((each.since for each in self.waiting), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Stop of a feed, the `version`th in its tenant, with the people who may resolve it."""

    tenant_id: TenantId
    version: int
    administrator_ids: tuple[PersonId, ...]
    allowed: int
    deactivated: int
    at: datetime

    @property
    def key(self) -> str:
        """The one key of the feed among those of every tenant."""
        return f"feed:{self.tenant_id}"


def passes(*, deactivated: int, allowed: int, waiting: bool) -> bool:
    """Return whether one more deactivation is allowed: no person waits, and it is within bounds."""
    return not waiting and deactivated < allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRules:
    """Rules of a feed: mapping of departments, effect of a returning userName, bound per day."""

    department_template: str
    department_separator: str
    reactivates: bool
    bounds: Bounds
