"""The HR feed that stopped because it would deactivate too many: who may answer is told (INT-1)."""

from dataclasses import dataclass
from datetime import datetime

from notify.domain.kinds import FEED, Kind
from notify.domain.notifications import Source
from notify.domain.occasions import Addressee, Occasion
from notify.domain.wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """That the feed of a tenant stopped: who may answer, how many went of how many a day allows."""

    event_id: str
    tenant_id: str
    administrator_ids: frozenset[str]
    allowed: int
    deactivated: int
    at: datetime


def stopped(stop: Stop) -> Occasion:
    """Return that a feed waits for an answer; each stop is told once, a later one again."""
    words = {"allowed": str(stop.allowed), "deactivated": str(stop.deactivated)}
    wording = Wording(text="feed_stopped")
    return Occasion(
        event_id=stop.event_id,
        tenant_id=stop.tenant_id,
        # Nobody's own action, though a feed may come with an administrator's token.
        source=Source(kind=FEED, id=stop.tenant_id, actor_id=""),
        step=f"stopped|{stop.at.isoformat(timespec='milliseconds')}",
        body=Wording(text="feed_waits", words=words),
        addressees=tuple(
            Addressee(person_id=person, kind=Kind.FEED_STOPPED, wording=wording)
            for person in sorted(stop.administrator_ids)
        ),
    )
