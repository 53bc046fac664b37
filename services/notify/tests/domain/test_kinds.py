"""The registry of kinds: complete with the contract, and each fact of it is consumed."""

from pathlib import Path
from string import Formatter

import pytest
from notify import kinds
from notify.consumers import GROUPS
from notify.domain.definitions import Definition, Event, FactRule, Kinds, Projections
from notify.domain.kinds import FEED, IN_APP, MESSAGE, Kind
from notify.domain.requests import NotificationRequest
from notify.domain.wording import Text
from notify.kinds import KINDS, mention, task_due
from plexus.messaging.v1.events_pb2 import MessagePosted
from plexus.notify.v1 import notifications_pb2 as pb
from plexus.topics import TOPICS

TEXT = Text(zh="标题", en="title")


def kind(name: str, number: int, *, source: str = FEED, hidden: Text | None = None) -> Kind:
    return Kind(
        name=name,
        number=number,  # type: ignore[arg-type]
        source=source,
        channels=IN_APP,
        texts={"title": TEXT},
        hidden=hidden,
    )


def test_every_value_of_the_contract_has_a_file_of_its_name() -> None:
    values = {
        name.removeprefix("NOTIFICATION_KIND_").lower(): number
        for name, number in pb.NotificationKind.items()
        if number
    }
    assert {each.name: each.number for each in KINDS} == values
    files = {path.stem for path in Path(kinds.__path__[0]).glob("*.py")} - {"__init__"}
    assert files == set(values)


def test_kinds_are_in_the_order_of_their_numbers_and_found_by_name_and_number() -> None:
    numbers = [each.number for each in KINDS]
    assert numbers == sorted(numbers)
    assert KINDS.named("mention") is KINDS.numbered(1) is mention.KIND
    assert KINDS.numbered(0) is None
    with pytest.raises(ValueError, match="'praise' is no kind"):
        KINDS.named("praise")


def test_each_kind_has_a_cause_and_texts_and_a_title_without_words_for_hidden_content() -> None:
    for each in KINDS.definitions:
        assert each.facts or each.messages, each.kind.name
        assert each.kind.texts, each.kind.name
        if each.kind.hidden:
            for text in (each.kind.hidden.zh, each.kind.hidden.en):
                assert [name for _, name, _, _ in Formatter().parse(text) if name] == []


def test_a_group_of_notify_consumes_the_topic_of_each_fact_that_notifies() -> None:
    consumed = {topic for group in GROUPS for topic in group.topics}
    topics = {fact: topic.name for topic in TOPICS for fact in topic.facts}
    assert KINDS.facts()
    assert {topics[fact] for fact in KINDS.facts()} <= consumed


def test_two_kinds_of_one_name_or_number_are_refused() -> None:
    for other in (kind("mention", 99), kind("praise", 1)):
        with pytest.raises(ValueError, match="same name or number"):
            Kinds([*KINDS.definitions, Definition(kind=other)])


def test_a_kind_about_content_needs_a_title_for_hidden_content() -> None:
    with pytest.raises(ValueError, match="praise lacks `hidden`"):
        kind("praise", 99, source=MESSAGE)


async def no_one(_: MessagePosted, __: Event, ___: Projections) -> NotificationRequest | None:
    return None


def test_a_rule_for_facts_about_messages_is_refused() -> None:
    rule = FactRule(fact=MessagePosted, request=no_one)
    with pytest.raises(ValueError, match="use `messages` instead of"):
        Kinds([Definition(kind=kind("praise", 99), facts=(rule,))])


def test_one_fact_can_notify_by_several_kinds() -> None:
    rules = task_due.DEFINITION.facts
    praise = Definition(kind=kind("praise", 99), facts=rules)
    both = Kinds([*KINDS.definitions, praise])
    (name,) = {rule.name for rule in rules}
    assert [each.name for each, _ in both.rules(name)] == ["task_due", "praise"]
    assert both.outdated.keys() == {task_due.KIND}
