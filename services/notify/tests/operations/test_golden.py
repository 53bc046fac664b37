"""Texts, defaults and stored documents of every kind of notification, as releases have them.

The file holds what is stored and published for one fixed series of facts, and the texts that a
person reads. A mismatch is a change that users or older processes see: if it is intended, replace
`golden.json` by the file that the failure names.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from notify.api.translation import channels_of
from notify.consumers import Handlers
from notify.domain.mails import compose
from notify.domain.quiet_hours import QuietHours
from notify.events import notification_message, preferences_message
from notify.kinds import KINDS
from notify.operations.permits import shown
from notify.operations.preferences import set_preferences
from notify.operations.tasks import Pace, remind
from notify.store import Store
from plexus.directory.v1 import events_pb2 as directory_pb
from plexus.directory.v1.people_pb2 import Person as PersonMessage
from plexus.notify.v1 import events_pb2 as notify_pb
from plexus.notify.v1 import notifications_pb2 as pb
from plexus.tasks.v1.tasks_pb2 import Due, Task
from plexus.topics import NOTIFY_PEOPLE
from plexus_access.decisions import Asker
from plexus_testkit.clock import FrozenClock
from plexus_testkit.companies import Company
from plexuskit.mongo import Database

GOLDEN: Final = Path(__file__).with_name("golden.json")
COLLECTIONS: Final = ("claims", "notifications", "preferences", "reminders")
FACTS: Final = {
    fact.DESCRIPTOR.full_name: fact
    for fact in (notify_pb.NotificationRaised, notify_pb.NotificationChanged)
}
# `ntf_`, `dlv_` and `evt_` followed by a time-ordered id; the facts of the test have short ids.
_ID: Final = re.compile(r"\b(ntf|dlv|evt|lse)_[0-9A-Za-z]{26}\b")

DAY: Final = timedelta(days=1)


def people(facts: Any) -> list[Any]:
    """Chinese and English readers in several zones, a person who left, and an app."""
    return [
        facts.person("ann"),
        facts.person("bo"),
        facts.person("cy", locale="en", time_zone="America/New_York"),
        facts.person("dee", locale="en-GB", time_zone="Europe/Berlin", email=""),
        facts.person("eve", deactivated=True),
        facts.person("bot", kind=PersonMessage.KIND_SERVICE_ACCOUNT),
    ]


def conversations(facts: Any) -> list[Any]:
    everybody = ("ann", "bo", "cy", "dee", "eve", "bot")
    return [
        facts.conversation(*everybody),
        facts.conversation(*everybody, id_="cnv_nameless", name=""),
        facts.conversation(*everybody, id_="cnv_secret", name="并购", confidential=True),
        facts.conversation("ann", "bo", id_="cnv_direct", direct=True),
        facts.conversation("ann", "cy", id_="cnv_other", direct=True),
        facts.conversation("cy", "zed", id_="cnv_unknown", direct=True),
    ]


def messages(facts: Any) -> Iterator[Any]:
    """Every way to address people, in named, nameless, confidential and direct conversations."""
    for place in ("cnv_group", "cnv_nameless", "cnv_secret"):
        named = {"conversation": place, "mentions": ("bo", "cy", "nobody")}
        yield facts.posted(facts.message(seq=1, **named))
        yield facts.posted(facts.message(seq=2, conversation=place, everybody=True))
        yield facts.posted(facts.message(seq=3, conversation=place, departments=("dep_1",)))
        both = facts.message("", seq=4, conversation=place, mentions=("cy",), everybody=True)
        yield facts.posted(both)
        yield facts.posted(facts.message("无人", seq=5, conversation=place))
    for place, sender in (("cnv_direct", "ann"), ("cnv_other", "ann"), ("cnv_unknown", "zed")):
        yield facts.posted(facts.message("你好", seq=1, conversation=place, sender=sender))
        there = {"conversation": place, "sender": sender, "mentions": ("cy", "bo")}
        yield facts.posted(facts.message("看这里", seq=2, **there))
    edited = facts.message("改过的合同", seq=1, mentions=("bo", "cy", "dee"))
    yield facts.edited(edited, "dee")
    yield facts.edited(facts.message("你好吗", seq=1, conversation="cnv_direct"))
    yield facts.recalled(facts.message(seq=2, everybody=True))
    yield facts.posted(facts.message(seq=6, mentions=("bo",)), origin="import")


def tasks(facts: Any, now: datetime) -> Iterator[Any]:
    first = facts.task(owner_id="per_bo", assignee_ids=["per_ann", "per_cy"], due=facts.due(now))
    yield facts.task_created(first)
    near = {"owner_id": "per_bo", "due": facts.due(now + DAY)}
    second = facts.task(id="tsk_2", key="T-2", assignee_ids=["per_cy", "per_dee"], **near)
    yield facts.task_changed(second, "cy", "dee", actor="zed")
    third = facts.task(id="tsk_3", key="T-3", owner_id="per_cy", due=Due(date="2036-03-03"))
    yield facts.task_created(third)
    yield facts.task_overdue(first)
    fourth = facts.task(id="tsk_4", key="T-4", owner_id="per_bo", due=facts.due(now - DAY))
    yield facts.task_created(fourth)
    yield facts.task_overdue(fourth)
    closed = facts.task(
        id="tsk_4",
        key="T-4",
        owner_id="per_bo",
        due=facts.due(now - DAY),
        state=Task.STATE_DONE,
        version=2,
    )
    yield facts.task_changed(closed)


def stop(facts: Any, now: datetime) -> Any:
    fact = directory_pb.FeedStopped(
        administrator_ids=["per_ann", "per_cy", "per_eve"], allowed=12, deactivated=11
    )
    fact.stopped_at.FromDatetime(now)
    return facts.record("directory.access.v1", fact, key="ten_a", entity_id="feed:ten_a", version=1)


class Ids:
    """Ids that differ in every run, numbered in the order in which they appear."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def plain(self, value: Any) -> Any:
        """Return a document of a driver as JSON has it, with numbered ids."""
        if isinstance(value, dict):
            return {key: self.plain(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.plain(each) for each in value]
        if isinstance(value, datetime):
            return value.isoformat()
        return _ID.sub(self._numbered, value) if isinstance(value, str) else value

    def _numbered(self, found: re.Match[str]) -> str:
        prefix = found[1]
        number = sum(each.startswith(prefix) for each in self._known.values()) + 1
        return self._known.setdefault(found[0], f"{prefix}_{number}")


async def stored(db: Database, ids: Ids) -> dict[str, Any]:
    found = {}
    for name in COLLECTIONS:
        documents = await db.collection(name, schema_version=1).find_all({}, sort=[("_id", 1)])
        found[name] = [ids.plain(document) for document in documents]
    return found


async def published(outbox: Callable[..., Any], ids: Ids) -> list[Any]:
    return [
        {
            "scope": ids.plain(event.scope),
            "number": event.change_no,
            "actor": event.actor_id,
            "type": event.type,
            "fact": ids.plain(MessageToDict(FACTS[event.type].FromString(event.fact))),
        }
        for event in await outbox()
    ]


async def hidden(ledger: Callable[..., Any], company: Company) -> dict[str, list[str]]:
    """Return the titles that are shown in place of hidden ones, Chinese first, by kind."""
    titles: dict[str, list[str]] = {}
    for notification in await ledger():
        asker = Asker(
            tenant_id="ten_a",
            person_id=notification.person_id,
            scopes=frozenset({"notifications.read"}),
            roles=frozenset({"member"}),
        )
        kind = pb.NotificationKind.Name(notification_message(notification).kind)
        titles[kind] = [
            shown(company.decisions, asker, notification, locale=locale).title
            for locale in ("zh-CN", "en")
        ]
    return titles


async def mails(ledger: Callable[..., Any], person: Callable[..., Any]) -> dict[str, str]:
    """Return the mail of a notification with and without content, in both languages."""
    notification = (await ledger())[0]
    written = {}
    for locale, content in product(("zh-CN", "en"), (True, False)):
        mail = compose(
            notification,
            person=person(locale=locale),
            sender="Plexus <plexus@example.com>",
            content=content,
            at=notification.created_at,
        )
        plain = mail.message.get_body(("plain",))
        assert plain is not None
        name = f"{locale} {'full' if content else 'silent'}"
        written[name] = f"{mail.message['Subject']}\n{plain.get_content()}"
    return written


async def test_texts_defaults_and_documents_are_those_of_the_release(
    handlers: Handlers,
    store: Store,
    db: Database,
    facts: Any,
    membership: Any,
    company: Company,
    outbox: Callable[..., Any],
    ledger: Callable[..., Any],
    pace: Pace,
    clock: FrozenClock,
    person: Callable[..., Any],
    tmp_path: Path,
) -> None:
    membership.members = {"dep_1": {"bo", "dee", "eve"}}
    await handlers.people(people(facts))
    await handlers.messages(conversations(facts))
    await set_preferences(
        store,
        tenant_id="ten_a",
        person_id="per_dee",
        channels=channels_of([pb.KindPreference(kind=pb.NOTIFICATION_KIND_TASK_DUE)], kinds=KINDS),
        hours=QuietHours(),
        expected_version=0,
    )
    await handlers.messages(list(messages(facts)))
    await handlers.tasks(list(tasks(facts, clock.now())))
    await handlers.notify([stop(facts, clock.now())])
    await handlers.messages([facts.joined(facts.member("bo", version=9), origin="")])
    moved = facts.person("cy", locale="en", email="cy@example.org", version=2, changed_by="ann")
    await handlers.of(NOTIFY_PEOPLE)([moved])
    await remind(store, limit=100, pace=pace, now=clock.now())

    ids = Ids()
    defaults = preferences_message(await store.preferences.get("per_ann"), kinds=KINDS)
    chosen = preferences_message(await store.preferences.get("per_dee"), kinds=KINDS)
    current = {
        "defaults": MessageToDict(defaults),
        "chosen": MessageToDict(chosen),
        "stored": await stored(db, ids),
        "published": await published(outbox, ids),
        "hidden": await hidden(ledger, company),
        "mails": await mails(ledger, person),
    }
    actual = tmp_path / "golden.json"
    text = json.dumps(current, ensure_ascii=False, indent=1, sort_keys=True)
    actual.write_text(f"{text}\n", encoding="utf-8")
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert json.loads(text) == golden, f"{actual} differs from {GOLDEN}"


def test_the_golden_file_has_every_kind() -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    kinds = set(pb.NotificationKind.keys()) - {"NOTIFICATION_KIND_UNSPECIFIED"}
    assert {each["kind"] for each in golden["defaults"]["kinds"]} == kinds
    assert set(golden["hidden"]) == kinds
    stored = {each["kind"].upper() for each in golden["stored"]["notifications"]}
    assert {f"NOTIFICATION_KIND_{each}" for each in stored} == kinds
