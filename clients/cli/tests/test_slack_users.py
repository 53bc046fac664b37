"""People of an export: every list, names found in messages, fields that may be invalid."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plexus_cli.slack import ExportUntidy, OddityKind

WriteExport = Callable[..., Path]
Read = Callable[..., Any]
DAY = "general/2023-11-14"


def said(number: int, **fields: object) -> dict[str, object]:
    return {
        "type": "message",
        "user": "U1",
        "text": "hi",
        "ts": f"170000000{number}.000000",
        **fields,
    }


def profile(name: str) -> dict[str, object]:
    return {"real_name": name, "display_name": name.lower(), "name": name.lower(), "team": "T2"}


def names(reading: Any) -> dict[str, str]:
    return {person.external_id: person.display_name for person in reading.people()}


def test_people_of_other_companies_have_the_name_that_their_messages_give(
    write_export: WriteExport, read: Read
) -> None:
    lists = {"channels.json": [{"id": "C1", "name": "general", "members": ["U1", "U8", "U9"]}]}
    days = {
        DAY: [
            said(1, reactions=[{"name": "eyes", "users": ["U7"], "count": 1}]),
            said(2, user="U8", user_profile=profile("Petra")),
            said(3, user="U7", user_profile=profile("Rita")),
            said(4, user="U7", user_profile=profile("Rita Later")),
        ]
    }
    reading = read(write_export(days, lists=lists))

    assert names(reading) | {"slack:U8": "Petra", "slack:U7": "Rita", "slack:U9": "U9"} == names(
        reading
    )
    handles = {person.external_id: person.handle for person in reading.people()}
    assert (handles["slack:U8"], handles["slack:U7"]) == ("petra", "rita")
    details = [oddity.detail for oddity in reading.problems.examples]
    assert "U8 becomes the deactivated placeholder 'Petra'" in details
    assert reading.problems.counts == {OddityKind.MEMBER_UNKNOWN: 2, OddityKind.REACTOR_UNKNOWN: 1}


def test_people_of_an_organisation_are_read(tmp_path: Path, read: Read) -> None:
    (tmp_path / "channels.json").write_text('[{"id": "C1", "name": "general", "members": ["U1"]}]')
    (tmp_path / "org_users.json").write_text('[{"id": "U1", "real_name": "Ann"}]')

    assert names(read(tmp_path)) == {"slack:U1": "Ann"}


def test_the_list_of_the_workspace_wins_over_that_of_the_organisation(
    tmp_path: Path, read: Read
) -> None:
    (tmp_path / "channels.json").write_text('[{"id": "C1", "name": "general", "members": ["U2"]}]')
    (tmp_path / "users.json").write_text('[{"id": "U1", "real_name": "Ann"}]')
    (tmp_path / "org_users.json").write_text(
        '[{"id": "U1", "real_name": "Ann of the organisation"}, {"id": "U2", "real_name": "Bo"}]'
    )
    reading = read(tmp_path)

    assert names(reading) == {"slack:U1": "Ann", "slack:U2": "Bo"}
    assert not reading.problems.counts


@pytest.mark.parametrize(
    ("fields", "kind", "expected"),
    [
        ({"profile": {"email": "bo(at)home.example"}}, "e-mail address invalid", ("bo", "", "")),
        ({"profile": {"email": "b@" + "x" * 300}}, "e-mail address invalid", ("bo", "", "")),
        ({"real_name": "Maxi " * 30}, "field shortened", (("Maxi " * 20).strip(), "", "")),
        ({"profile": {"title": "长" * 188}}, "field shortened", ("bo", "", "长" * 100)),
        ({"tz": "Mars/Base"}, "time zone unknown", ("bo", "", "")),
        ({"real_name": "\u200b\u202e", "profile": {"title": "a\nb"}}, None, ("bo", "", "a b")),
    ],
)
def test_a_wrong_field_is_repaired_or_left_out_and_the_person_comes_in(
    write_export: WriteExport,
    read: Read,
    fields: dict[str, object],
    kind: str | None,
    expected: tuple[str, str, str],
) -> None:
    users = [{"id": "U1", "name": "ann"}, {"id": "U2", "name": "bo", **fields}]
    root = write_export({}, users=users)
    reading = read(root)
    person = reading.people()[1]

    assert (person.display_name, person.email, person.title) == expected
    places = [(oddity.kind, oddity.file, oddity.index) for oddity in reading.problems.examples]
    assert places == ([(kind, "users.json", 1)] if kind else [])
    if kind:
        with pytest.raises(ExportUntidy, match=r"users\.json, entry 1"):
            read(root, strict=True)


@pytest.mark.parametrize("damage", [None, 7, "x", {}, {"name": "nobody"}])
def test_an_entry_that_is_nobody_leaves_the_others(
    write_export: WriteExport, read: Read, damage: object
) -> None:
    reading = read(write_export({}, users=[{"id": "U1"}, damage, {"id": "U2", "real_name": "Bo"}]))

    assert names(reading) == {"slack:U1": "U1", "slack:U2": "Bo"}
    assert [oddity.index for oddity in reading.problems.examples] == [1]


def test_a_bot_is_known_by_a_name_that_directory_accepts(
    write_export: WriteExport, read: Read
) -> None:
    bot = {"type": "message", "subtype": "bot_message", "text": "x"}
    days = {
        DAY: [
            bot | {"username": "deploy\nbot", "ts": "1700000001.000000"},
            bot | {"username": "z" * 300, "ts": "1700000002.000000"},
            bot | {"username": "\u200b", "ts": "1700000003.000000"},
        ]
    }
    people = names(read(write_export(days)))

    assert people["slack:bot:deploy bot"] == "deploy bot"
    assert people[f"slack:bot:{'z' * 100}"] == "z" * 100
    assert people["slack:unknown"] == "unknown"
