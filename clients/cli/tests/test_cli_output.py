"""JSON output for scripts: every field by its contract's name, in JSON's own types."""

import json

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from plexus.messaging.v1.messages_pb2 import Mention, Message, Reaction, Span
from plexus.messaging.v1.messaging_service_pb2 import SendRefusal
from plexus.tasks.v1.tasks_pb2 import Due, Task
from plexus_cli.output import as_dict, instant, print_table


def test_every_field_is_there_under_its_own_name_also_when_it_is_empty() -> None:
    empty = as_dict(Message())
    assert set(empty) == {field.name for field in Message.DESCRIPTOR.fields}
    assert empty["text"] == ""
    assert empty["seq"] == 0
    assert empty["recalled"] is False
    assert empty["mentions"] == []
    assert empty["edited_at"] is None


def test_values_are_those_that_json_has() -> None:
    message = Message(
        seq=2**53 + 1,
        kind=Message.KIND_TEXT,
        text="上海",
        posted_at=Timestamp(seconds=1_700_000_000, nanos=123_456_789),
        content_hash=b"\x00\xff",
        reactions=[Reaction(emoji="👍", person_ids=["per_1"])],
    )
    shown = json.loads(json.dumps(as_dict(message), ensure_ascii=False))
    assert shown["seq"] == 2**53 + 1
    assert shown["kind"] == "KIND_TEXT"
    assert shown["text"] == "上海"
    assert shown["posted_at"] == "2023-11-14T22:13:20.123+00:00"
    assert shown["content_hash"] == "00ff"
    assert shown["reactions"] == [{"emoji": "👍", "person_ids": ["per_1"]}]


def test_of_a_choice_only_what_was_chosen_is_there() -> None:
    assert as_dict(Mention(all=False)) == {"all": False}
    assert as_dict(Mention(person_id="per_1")) == {"person_id": "per_1"}
    assert as_dict(Mention()) == {}
    assert as_dict(Span(start=1, length=2, code=True)) == {"start": 1, "length": 2, "code": True}
    assert as_dict(Task(due=Due(date="2026-03-02")))["due"] == {"date": "2026-03-02"}
    assert as_dict(Task())["due"] is None


def test_maps_are_objects_and_unknown_enum_values_stay_numbers() -> None:
    assert as_dict(SendRefusal(metadata={"limit": "200"}))["metadata"] == {"limit": "200"}
    later = Message.FromString(b"\x30\x63")  # field 6, `kind`, value 99
    assert as_dict(later)["kind"] == 99


def test_an_instant_keeps_milliseconds_and_its_zone() -> None:
    assert instant(Timestamp(seconds=0)) == "1970-01-01T00:00:00.000+00:00"
    assert instant(Timestamp(seconds=1, nanos=999_999_999)) == "1970-01-01T00:00:01.999+00:00"


def test_what_people_wrote_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("one [red]title[/red]", ["text"], [("[bold]loud[/bold] 80:100:443 :bug: C:\\",)])
    assert "[bold]loud[/bold] 80:100:443 :bug: C:\\" in capsys.readouterr().out


def test_rows_of_a_pipe_are_whole_lines_without_codes(capsys: pytest.CaptureFixture[str]) -> None:
    id_, text = "cnv_01M8KZV4BAERKMMW1YWH5A40AM", "很长的群名" * 30
    print_table("1 conversation", ["id", "name", "unread"], [(id_, text, 3), (id_, "短", "")])
    title, heading, first, second = capsys.readouterr().out.splitlines()
    assert title == "1 conversation"
    assert first == f"{id_}  {text}  3"
    assert second == f"{id_}  短"
    assert heading.startswith("id ")
    assert not {"\x1b", "…"} & set(title + heading + first + second)
