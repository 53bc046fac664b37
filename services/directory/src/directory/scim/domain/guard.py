"""The mass-change guard: a feed that would deactivate too many stops and asks (INT-1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from plexuskit.errors import Kind, Refusal

from directory.shared.domain.ids import PersonId, TenantId

WINDOW: Final = timedelta(hours=24)
MAX_ABOUT: Final = 256
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
    """There is nothing to answer: nobody waits."""

    kind = Kind.FAILED_PRECONDITION
    text = "The feed is not stopped, so there is nothing to approve or drop."


class FeedChanged(Refusal):
    """Others wait than the answer was about."""

    kind = Kind.CONFLICT
    text = "{waiting} people wait now. Look at the feed again before you answer."


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How many a feed may deactivate in 24 hours: a share of the active, and always some."""

    percent: int
    at_least: int

    def allowed(self, *, active: int, deactivated: int) -> int:
        """Return how many people may go.

        Args:
            active: people who have been active since the window began.
            deactivated: those who were active then, and whom the feed has deactivated since.
        """
        return max(self.at_least, (active + deactivated) * self.percent // 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Somebody whom the feed wanted to deactivate after it had stopped; `remove`: by DELETE."""

    person_id: PersonId
    remove: bool
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What a feed asked for last about somebody, or a group, beyond what it holds.

    `about` is an id, or the name of what would have been made; `permission` the first it lacks.
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
    """How a tenant's feed stands; it is stopped while somebody waits."""

    deactivated: int
    allowed: int
    waiting: tuple[Waiting, ...]
    refused: tuple[Refused, ...] = ()
    ignored: tuple[Ignored, ...] = ()

    @property
    def stopped(self) -> bool:
        """Whether deactivations wait for an administrator."""
        return bool(self.waiting)

    @property
    def stopped_at(self) -> datetime | None:
        """Since when; None for a feed that runs."""
        return min((each.since for each in self.waiting), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """That a feed stopped, the `version`th time in its tenant, and who may answer."""

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
    """Tell whether one more deactivation may happen: nobody waits, and it stays in the bounds."""
    return not waiting and deactivated < allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRules:
    """How departments are read, what a returning userName means, and how much may go in a day."""

    department_template: str
    department_separator: str
    reactivates: bool
    bounds: Bounds
