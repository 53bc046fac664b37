"""The sample company: complete, bilingual, consistent, and reproducible for a moment."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from plexus.messaging.v1 import conversations_pb2, import_service_pb2
from plexus_cli.sample import (
    Sample,
    SampleBroken,
    conversation_requests,
    department_requests,
    load_sample,
    message_requests,
    people_requests,
    project_requests,
    task_requests,
)
from plexus_cli.sample.company import mentioned

FOLDER = Path(__file__).parents[3] / "samples" / "company"
NOW = datetime(2026, 3, 5, 6, 30, tzinfo=UTC)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def known(external_id: str) -> str:
    return f"id_{external_id}"


@pytest.fixture(scope="module")
def sample() -> Sample:
    return load_sample(FOLDER)


def requests_of(
    sample: Sample, now: datetime = NOW
) -> list[import_service_pb2.ImportMessagesRequest]:
    return list(message_requests(sample, person=known, conversation=known, now=now))


def messages_of(sample: Sample, now: datetime = NOW) -> list[import_service_pb2.ImportedMessage]:
    return [message for request in requests_of(sample, now) for message in request.messages]


def test_it_is_a_company_of_some_size(sample: Sample) -> None:
    kinds = Counter(conversation.kind for conversation in sample.conversations)

    assert 58 <= len(sample.people) <= 64
    assert kinds == {"group": 12, "direct": 8}
    assert 370 <= len(messages_of(sample)) <= 450
    assert (len(sample.projects), len(sample.tasks)) == (3, 25)
    assert {person.time_zone for person in sample.people} == {
        "Asia/Shanghai",
        "Europe/Berlin",
        "America/New_York",
    }


def test_departments_come_after_their_parents(sample: Sample) -> None:
    made: dict[str, str] = {}
    for request in department_requests(sample, department=made.get):
        assert not request.parent_id or request.parent_id in made.values()
        made[request.external_id] = f"dep_{len(made)}"

    assert len(made) == len(sample.departments)


def test_people_have_a_department_an_address_and_the_given_password(sample: Sample) -> None:
    (request,) = people_requests(sample, department=known, password="correct horse")

    assert len(request.people) == len(sample.people)
    for person in request.people:
        assert person.department_ids
        assert person.display_name
        assert person.title
        if not person.service_account:
            assert person.password == "correct horse"
            assert person.email.endswith("@example.com")


def test_conversations_name_their_members_and_kinds(sample: Sample) -> None:
    (request,) = conversation_requests(sample, person=known, now=NOW)
    kinds = conversations_pb2.Conversation

    for conversation in request.conversations:
        members = set(conversation.member_ids)
        assert len(members) == len(conversation.member_ids)
        if conversation.kind == kinds.KIND_DIRECT:
            assert (len(members), conversation.name) == (2, "")
        else:
            assert conversation.owner_id in members
            assert conversation.name


def test_texts_are_chinese_and_english(sample: Sample) -> None:
    texts = [message.text for message in messages_of(sample)]
    chinese = sum(bool(CHINESE.search(text)) for text in texts)

    assert chinese / len(texts) > 0.5
    assert (len(texts) - chinese) / len(texts) > 0.2
    assert sum(bool(CHINESE.search(text) and re.search("[A-Za-z]{4}", text)) for text in texts) > 30


def test_no_two_messages_say_the_same(sample: Sample) -> None:
    texts = Counter(message.text for message in messages_of(sample))

    assert not [text for text, count in texts.items() if count > 1]


def test_there_is_something_to_search_for(sample: Sample) -> None:
    everything = "\n".join(message.text for message in messages_of(sample))

    for wanted in ("CRM-2041", "PO-33817", "供应", "报销", "成立日放假", "N+1", "invalid audience"):
        assert wanted in everything
    files = [file for message in messages_of(sample) for file in message.attachments]
    assert len(files) >= 15
    assert all(file.url.startswith("https://files.example.com/") for file in files)


def test_msg_13_every_mention_is_a_member_and_is_marked(sample: Sample) -> None:
    by_request = {message.request_id: message for message in messages_of(sample)}
    found = 0
    for conversation in sample.conversations:
        for number, message in enumerate(conversation.messages, 1):
            handles = set(mentioned(message.text))
            made = by_request[f"sample:{conversation.key}:{number:04d}"]
            people = {mention.person_id for mention in made.mentions if mention.person_id}
            assert people == {known(f"sample:{handle}") for handle in handles - {"all"}}
            assert any(mention.all for mention in made.mentions) == ("all" in handles)
            assert handles - {"all"} <= set(conversation.members)
            for span in made.spans:
                shown = made.text[span.start : span.start + span.length]
                if span.mention_person_id:
                    assert span.mention_person_id == known(f"sample:{shown.removeprefix('@')}")
            found += len(handles)
    assert found >= 30


def test_texts_carry_links_and_code(sample: Sample) -> None:
    meanings = Counter(
        span.WhichOneof("meaning") for message in messages_of(sample) for span in message.spans
    )

    assert meanings["link"] >= 8
    assert meanings["code"] >= 15
    # No message of the story contains asterisks or underscores: a hit would be a misreading.
    assert meanings["bold"] == meanings["italic"] == meanings["quote"] == 0


def test_msg_15_replies_come_after_the_first_message_of_their_thread(sample: Sample) -> None:
    replies = 0
    for request in requests_of(sample):
        gone_by: set[str] = set()
        for message in request.messages:
            assert not message.root_request_id or message.root_request_id in gone_by
            gone_by.add(message.request_id)
            replies += bool(message.root_request_id)
    assert replies > 80


MOMENTS = [NOW + timedelta(days=17 * step, hours=5 * step) for step in range(22)]


@pytest.mark.parametrize("now", MOMENTS, ids=lambda now: now.strftime("%a-%Y%m%d-%H%M"))
def test_msg_19_times_lie_in_the_ten_working_days_before_loading_in_office_hours(
    sample: Sample, now: datetime
) -> None:
    zones = {known(person.external_id): person.zone for person in sample.people}
    days = set()
    for request in requests_of(sample, now):
        previous = datetime.min.replace(tzinfo=UTC)
        for message in request.messages:
            sent_at = message.sent_at.ToDatetime(tzinfo=UTC)
            assert previous < sent_at < now
            previous = sent_at
            local = sent_at.astimezone(zones[message.sender_id])
            assert local.weekday() < 5
            assert 9 <= local.hour < 18
            assert not 12 * 60 <= local.hour * 60 + local.minute < 13 * 60 + 30
            days.add(local.date())
    assert len(days) == 10
    assert now.date() - min(days) <= timedelta(days=18)


def test_dates_in_texts_are_dates_around_the_moment_of_loading(sample: Sample) -> None:
    texts = [message.text for message in messages_of(sample)]

    assert not [text for text in texts if "{day" in text]
    assert any("3月11日周三" in text and "Wed 11 March" in text for text in texts)


def test_the_same_moment_gives_the_same_requests(sample: Sample) -> None:
    assert requests_of(sample) == requests_of(load_sample(FOLDER))


def test_tsk_2_every_task_has_one_owner_and_a_due_date_from_today(sample: Sample) -> None:
    projects = list(project_requests(sample, person=known))
    tasks = list(task_requests(sample, person=known, project=known, now=NOW))

    assert {act.actor for act in projects} == {"lv.yang", "ye.lan", "shen.jie"}
    assert all(act.request.owner_id and act.request.assignee_ids for act in tasks)
    by_key = {act.key: act for act in tasks}
    assert by_key["g3-2"].request.due.date == "2026-03-08"
    assert by_key["rel-9"].request.due.at.ToDatetime(tzinfo=UTC) == datetime(
        2026, 3, 6, 10, tzinfo=ZoneInfo("Asia/Shanghai")
    )
    assert not by_key["g3-8"].request.HasField("due")
    moves = list(by_key["g3-7"].moves("tsk_1"))
    assert [move.state for move in moves] == [2, 3]
    assert len({act.request.priority for act in tasks}) == 4


@pytest.mark.parametrize(
    ("file", "change", "problem"),
    [
        ("people.yaml", ("office: berlin}", "office: mars}"), "no office 'mars'"),
        ("people.yaml", ("handle: wu.hao", "handle: chen.yu"), "'chen.yu' stands twice"),
        ("departments.yaml", ("parent: sales}", "parent: nowhere}"), "before its parent"),
        ("tasks.yaml", ("owner: jin.ye", "owner: no.one"), "does not know no.one"),
        ("tasks.yaml", ("priority: high", "priority: soon"), "priority"),
        ("conversations/02-supply-g3.yaml", ("@wang.fang", "@no.one"), "does not know no.one"),
        ("conversations/02-supply-g3.yaml", ("reply_to: alt", "reply_to: x"), "no message 'x'"),
        ("conversations/02-supply-g3.yaml", ("working_day: 4", "working_day: 11"), "1 to 10"),
        ("conversations/02-supply-g3.yaml", ("kind: group", "kind: direct"), "two members"),
        ("conversations/02-supply-g3.yaml", ("topic:", "subject:"), "subject"),
        ("conversations/02-supply-g3.yaml", ("days:", "days: ["), "cannot be read"),
    ],
)
def test_a_mistake_in_a_file_is_refused_with_its_name(
    tmp_path: Path, file: str, change: tuple[str, str], problem: str
) -> None:
    for source in FOLDER.rglob("*.yaml"):
        target = tmp_path / source.relative_to(FOLDER)
        target.parent.mkdir(exist_ok=True)
        text = source.read_text(encoding="utf-8")
        if target == tmp_path / file:
            assert change[0] in text
            text = text.replace(*change)
        target.write_text(text, encoding="utf-8")

    with pytest.raises(SampleBroken) as caught:
        load_sample(tmp_path)
    assert file.removeprefix("conversations/") in caught.value.message()
    assert problem in caught.value.message()


def test_the_files_are_plain_yaml() -> None:
    for path in FOLDER.rglob("*.yaml"):
        assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)
