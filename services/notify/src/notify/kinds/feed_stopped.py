"""The HR feed stops at its daily limit, for the users who can release it (INT-1)."""

from typing import Final

from plexus.directory.v1.events_pb2 import FeedStopped
from plexus.notify.v1 import notifications_pb2 as pb
from plexuskit.timestamps import instant_of

from notify.domain.definitions import Definition, Event, FactRule, Projections
from notify.domain.kinds import EVERY_CHANNEL, FEED, Kind
from notify.domain.notifications import Source
from notify.domain.requests import NotificationRequest, Recipient
from notify.domain.wording import Text, Wording

KIND: Final = Kind(
    name="feed_stopped",
    number=pb.NOTIFICATION_KIND_FEED_STOPPED,
    source=FEED,
    channels=EVERY_CHANNEL,
    texts={
        "title": Text(
            zh="人员同步已暂停: 停用人数超过每日上限",
            en="The HR feed has stopped: it would deactivate more people than a day allows",
        ),
        "body": Text(
            zh="24 小时内已停用 {deactivated} 人, 上限为 {allowed} 人, 其余等待处理。"
            "请运行 plexus admin feed status 查看, 然后批准 (approve) 或放弃 (drop)。",
            en="{deactivated} of {allowed} deactivations in 24 hours; others wait. "
            "Run plexus admin feed status, then approve or drop them.",
        ),
    },
)


async def _stopped(fact: FeedStopped, event: Event, _: Projections) -> NotificationRequest | None:
    """Return one notification per administrator; a later stop notifies again."""
    at = instant_of(fact.stopped_at)
    words = {"allowed": str(fact.allowed), "deactivated": str(fact.deactivated)}
    title = Wording(text=KIND.texts["title"])
    return NotificationRequest(
        event_id=event.id,
        tenant_id=event.tenant_id,
        # The feed may use an administrator's token, but stops by itself: all are notified.
        source=Source(kind=FEED, id=event.tenant_id, actor_id=""),
        step=f"stopped|{at.isoformat(timespec='milliseconds')}",
        body=Wording(text=KIND.texts["body"], words=words),
        recipients=tuple(
            Recipient(person_id=person, kind=KIND, wording=title)
            for person in sorted(set(fact.administrator_ids))
        ),
    )


DEFINITION: Final = Definition(kind=KIND, facts=(FactRule(fact=FeedStopped, request=_stopped),))
