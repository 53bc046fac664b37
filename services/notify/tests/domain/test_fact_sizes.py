"""The largest fact about a notification: no record is too small for it (MSG-21)."""

from dataclasses import replace
from datetime import UTC, datetime
from string import Formatter
from zoneinfo import ZoneInfo

import pytest
from notify import events
from notify.domain.kinds import MESSAGE
from notify.domain.notifications import Delivery, Notification, Source
from notify.domain.outcomes import Reason, State
from notify.domain.wording import SHARED, Wording, excerpt, render
from notify.kinds import KINDS, mention
from plexuskit.kafka import MAX_FACT_BYTES

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
# Four bytes of UTF-8 each; no name, title or id in a fact of an owner has more characters.
MAX_NAME = "\U0001f600" * 1_000
_TEXTS = (*SHARED, *(text for kind in KINDS for text in kind.texts.values()))


@pytest.mark.rule("MSG-21")
def test_the_largest_notification_takes_a_small_part_of_a_record() -> None:
    delivery = Delivery(
        id=MAX_NAME,
        state=State.DEFERRED,
        reason=max(Reason, key=lambda reason: len(reason.value)),
        at=NOW,
        next_attempt_at=NOW,
        attempts=2**31 - 1,
    )
    largest = Notification(
        id=MAX_NAME,
        tenant_id=MAX_NAME,
        person_id=MAX_NAME,
        kind=mention.KIND,
        title="",
        body=excerpt(MAX_NAME * 200),
        source=Source(
            kind=MESSAGE,
            id=MAX_NAME,
            actor_id=MAX_NAME,
            conversation_id=MAX_NAME,
            seq=2**62,
        ),
        step=MAX_NAME,
        event_id=MAX_NAME,
        created_at=NOW,
        read=True,
        in_app=delivery,
        email=delivery,
    )
    zone = ZoneInfo("UTC")
    words = dict.fromkeys(_words_of_the_texts(), MAX_NAME)
    for text in _TEXTS:
        wording = Wording(text=text, words=words, when=NOW)
        titled = replace(largest, title=render(wording, locale="zh-CN", zone=zone))
        for fact in (events.raised(titled, now=NOW), events.changed(titled, now=NOW)):
            assert len(fact.event.SerializeToString()) < MAX_FACT_BYTES // 10


def _words_of_the_texts() -> set[str]:
    return {name for text in _TEXTS for _, name, _, _ in Formatter().parse(text.zh) if name}
