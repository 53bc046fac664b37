"""Damaged files and entries are skipped with their place; all others are imported."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plexus_cli.slack import ExportUntidy, OddityKind, Problems
from plexus_cli.slack.lists import read_list

WriteExport = Callable[..., Path]
Read = Callable[..., Any]
DAY = "general/2024-01-02.json"


def said(number: int, text: str = "hi") -> dict[str, object]:
    return {"type": "message", "user": "U1", "ts": f"1700000{number:03d}.000000", "text": text}


def listed(*values: object) -> str:
    return json.dumps(values, ensure_ascii=False)


def reading(content: str | bytes) -> tuple[list[tuple[int, str]], Problems]:
    problems = Problems()
    data = content.encode() if isinstance(content, str) else content
    found = [
        (index, str(entry["text"])) for index, entry in read_list(DAY, data, problems=problems)
    ]
    return found, problems


GOOD = [(0, "a"), (2, "c")]
BROKEN = '{"type": "message", "ts": "1700000002.000000", "text": oops}'
A, C = (json.dumps(said(number, text)) for number, text in ((1, "a"), (3, "c")))


@pytest.mark.parametrize(
    ("content", "found", "kind", "index", "stamp", "detail"),
    [
        (f"[{A}, {BROKEN}, {C}]", GOOD, "entry damaged", 1, "1700000002.000000", "is not JSON"),
        (f"[{A}, null, {C}]", GOOD, "entry damaged", 1, "", "is not an object"),
        (f"[{A}, 7, {C}]", GOOD, "entry damaged", 1, "", "is not an object"),
        (f"[{A}, oops, {C}]", GOOD, "entry damaged", 1, "", "is not JSON"),
        (f"[{A}, {A[:-9]}", GOOD[:1], "entry damaged", 1, "1700000001.000000", "is not JSON"),
        (f"[{A} {C}]", [(0, "a"), (1, "c")], "file damaged", None, "", "no comma after entry 0"),
        (f"[{A}", GOOD[:1], "file damaged", None, "", "ends in the middle"),
        (f"[{A}] trailing", GOOD[:1], "file damaged", None, "", "text after its list"),
        ("", [], "file damaged", None, "", "is empty"),
        ("  \n", [], "file damaged", None, "", "is empty"),
        ('{"ts": "1.0"}', [], "file damaged", None, "", "is not a JSON list"),
        ("hello", [], "file damaged", None, "", "is not a JSON list"),
        (f'[{A}, {{"a": {"[" * 100_000}, {C}]', GOOD, "entry damaged", 1, "", "nested too deeply"),
    ],
)
def test_what_is_damaged_is_left_out_with_its_place(
    content: str,
    found: list[tuple[int, str]],
    kind: str,
    index: int | None,
    stamp: str,
    detail: str,
) -> None:
    got, problems = reading(content)

    assert got == found
    (oddity,) = problems.examples
    assert (oddity.kind, oddity.file, oddity.index, oddity.ts) == (kind, DAY, index, stamp)
    assert detail in oddity.detail


def test_a_part_of_an_entry_is_not_taken_for_an_entry() -> None:
    inner = {"edited": {"user": "U1", "ts": "1700000001.000000"}, "files": [{"id": "F1"}]}
    damaged = json.dumps(said(2) | inner)[:-1] + ', "text": oops}'
    got, problems = reading(f"[{A}, {damaged}, {C}]")

    assert got == GOOD
    assert problems.counts == {OddityKind.ENTRY_DAMAGED: 1}


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_a_file_in_another_encoding_is_read(encoding: str) -> None:
    got, problems = reading(listed(said(1, "采购公告：会议室改到三楼")).encode(encoding))

    assert got == [(0, "采购公告：会议室改到三楼")]
    assert all(oddity.kind == "other encoding" for oddity in problems.examples)
    assert bool(problems.examples) == (encoding == "gb18030")


def test_a_bad_byte_among_good_ones_is_shown_as_unreadable() -> None:
    data = listed(said(1, "采购公告 X"), said(2, "b")).encode().replace(b"X", b"\xff")
    got, problems = reading(data)

    assert got == [(0, "采购公告 \ufffd"), (1, "b")]
    (oddity,) = problems.examples
    assert (oddity.kind, oddity.file) == (OddityKind.ENCODING_OTHER, DAY)
    assert "1 unreadable" in oddity.detail


def test_a_byte_order_mark_and_windows_line_ends_are_nothing_odd() -> None:
    got, problems = reading(b"\xef\xbb\xbf" + listed(said(1, "a")).replace(",", ",\r\n").encode())

    assert got == [(0, "a")]
    assert not problems.counts


DAMAGE = {
    "gbk": json.dumps([said(2, "公告")], ensure_ascii=False).encode("gbk"),
    "empty": b"",
    "null": listed(None).encode(),
    "no ts": listed({"type": "message", "user": "U1", "text": "x"}).encode(),
    "absurd ts": listed(said(1) | {"ts": "never"}).encode(),
    "no json": b"[{",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_msg_19_a_damaged_day_stops_neither_its_channel_nor_others(
    damage: str, write_export: WriteExport, read: Read
) -> None:
    lists = {"channels.json": [{"id": f"C{n}", "name": f"c{n}", "members": ["U1"]} for n in (1, 2)]}
    days = {
        "c1/2023-11-13": [said(1, "first")],
        "c1/2023-11-14": DAMAGE[damage],
        "c1/2023-11-15": [said(3, "third")],
        "c2/2023-11-14": [said(1, "other")],
    }
    root = write_export(days, lists=lists)
    got = read(root)

    texts = [message.text for message in got.messages("C1")]
    assert [text for text in texts if text != "公告"] == ["first", "third"]
    assert ("公告" in texts) == (damage == "gbk")
    assert [message.text for message in got.messages("C2")] == ["other"]
    assert {oddity.file for oddity in got.problems.examples} == {"c1/2023-11-14.json"}
    assert sum(got.problems.counts.values()) == 1
    with pytest.raises(ExportUntidy, match=r"c1/2023-11-14\.json"):
        read(root, strict=True)
