"""Another person, or the HR feed, gave a person another e-mail address (GW-11)."""

from typing import Final

from plexus.directory.v1.events_pb2 import PersonChanged
from plexus.notify.v1 import notifications_pb2 as pb

from notify.domain.definitions import Definition, Event, FactRule, Projections, display_name
from notify.domain.kinds import IN_APP, PERSON, Kind
from notify.domain.notifications import Source
from notify.domain.requests import NotificationRequest, Recipient
from notify.domain.wording import Text, Wording

KIND: Final = Kind(
    name="address_changed",
    number=pb.NOTIFICATION_KIND_ADDRESS_CHANGED,
    source=PERSON,
    channels=IN_APP,
    texts={
        "title": Text(
            zh="{actor} 将你的邮箱地址改为 {address}",
            en="{actor} changed your e-mail address to {address}",
        ),
        "body": Text(
            zh="发往新地址的邮件暂时不含消息内容。如果这不是你的地址, 请联系管理员。",
            en="For some days, mails to it do not show what was written. "
            "If it is not yours, tell an administrator.",
        ),
    },
    hidden=Text(zh="你的邮箱地址已变更", en="Your e-mail address has changed"),
)


async def _changed(
    fact: PersonChanged, event: Event, projections: Projections
) -> NotificationRequest | None:
    person_id = fact.person.id
    person = (await projections.people.find([person_id])).get(person_id)
    if person is None or person.email_since != event.at or not person.email:
        return None
    actor = await display_name(projections, event.actor_id)
    words = {"actor": actor, "address": person.email}
    return NotificationRequest(
        event_id=event.id,
        tenant_id=event.tenant_id,
        source=Source(kind=PERSON, id=person_id, actor_id=event.actor_id),
        step=f"address|{fact.person.version}",
        body=Wording(text=KIND.texts["body"]),
        recipients=(
            Recipient(
                person_id=person_id,
                kind=KIND,
                wording=Wording(text=KIND.texts["title"], words=words),
                by_name=True,
            ),
        ),
    )


DEFINITION: Final = Definition(kind=KIND, facts=(FactRule(fact=PersonChanged, request=_changed),))
