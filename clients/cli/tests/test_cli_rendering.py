"""Texts of other users are shown by the terminal without executing their control characters."""

import io
import json
import os
from types import SimpleNamespace

import pytest
from plexus.messaging.v1.messages_pb2 import Attachment, Message, Reaction, Span
from plexus.search.v1.search_service_pb2 import Hit
from plexus_cli import output
from plexus_cli.commands.finding import highlighted
from plexus_cli.lines import line_of
from plexus_cli.output import print_json, print_table, say, warn
from plexus_cli.rendering import INDENT, body_of, counted_reactions
from plexus_cli.safety import safe
from plexus_cli.styled import Styled

PAYLOADS = (
    "\x1b[2J\x1b[1;1H",
    "\x1b]8;;https://evil.com\x07click\x1b]8;;\x07",
    "\x1b]52;c;cm0gLXJm\x07",
    "\x1b]0;title\x1b\\",
    "\x9b31m",
    "\x9d8;;https://evil.com\x9c",
    "\x1bP0;1|17/17\x1b\\",
    "\r\x08\x08over\x7f",
    "\u202egnp.exe",
)
OBEYED = set(map(chr, (*range(9), *range(11, 32), *range(0x7F, 0xA0)))) | set("\u202e\u2066")


class Screen(io.StringIO):
    """A terminal with colours."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Replace standard output and error by a terminal."""
    screen = Screen()
    # pytest restores its own streams before each test.
    monkeypatch.setattr(output, "sys", SimpleNamespace(stdout=screen, stderr=screen))
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((200, 50)))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return screen


def own_codes_removed(shown: str) -> str:
    """Remove the styles of this program: SGR sequences only."""
    import re  # noqa: PLC0415 - only here

    return re.sub(r"\x1b\[[0-9;]*m", "", shown)


@pytest.mark.parametrize("payload", PAYLOADS, ids=ascii)
def test_no_text_or_name_sends_a_sequence_to_the_terminal(payload: str, terminal: Screen) -> None:
    message = Message(
        seq=1,
        sender_id=f"per{payload}",
        text=f"a{payload}b",
        spans=[
            Span(start=0, length=1, bold=True),
            Span(start=1, length=1, link=f"https://evil.com/{payload}"),
        ],
        attachments=[Attachment(name=f"f{payload}"), Attachment(url=f"u{payload}")],
        reactions=[Reaction(emoji=f"x{payload}", person_ids=["p"])],
    )
    say(line_of(message, {message.sender_id: f"ann{payload}"}))
    say(payload)
    warn(payload, reason=payload)
    print_table("t", ["name"], [(payload,)])
    say(highlighted(Hit(highlights=[f"\x02m{payload}\x03{payload}"])))
    assert not OBEYED & set(own_codes_removed(terminal.getvalue()))

    terminal.truncate(0)
    terminal.seek(0)
    print_json({payload: payload})
    line = terminal.getvalue()
    assert not OBEYED & set(line)
    assert json.loads(line) == {payload: payload}


def test_controls_are_shown_one_for_one_so_that_spans_stay_in_place() -> None:
    assert safe("a\x1b[31m\x00\x7f\x9b\tb\nc") == "a␛[31m␀␡\ufffd\tb\nc"
    assert len(safe("".join(PAYLOADS))) == len("".join(PAYLOADS))


def styles_of(text: Styled) -> list[tuple[str, str]]:
    return [(text.plain[mark.start : mark.end], mark.style) for mark in text.marks]


def test_spans_become_styles() -> None:
    text = "bold it out `c` @ann"
    message = Message(
        text=text,
        spans=[
            Span(start=0, length=4, bold=True),
            Span(start=5, length=2, italic=True),
            Span(start=8, length=3, strike=True),
            Span(start=12, length=3, code=True),
            Span(start=16, length=4, mention_person_id="per_1"),
            Span(start=90, length=4, bold=True),
        ],
    )
    assert styles_of(body_of(message)) == [
        ("bold", "bold"),
        ("it", "italic"),
        ("out", "strike"),
        ("`c`", "cyan"),
        ("@ann", "bold blue"),
    ]


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("https://a.com/x", "docs (a.com)!"),
        ("mailto:a@b.cn", "docs (a@b.cn)!"),
        ("javascript:alert(1)", "docs (javascript:alert(1))!"),
    ],
)
def test_links_say_where_they_lead(target: str, shown: str) -> None:
    message = Message(text="docs!", spans=[Span(start=0, length=4, link=target)])
    assert body_of(message).plain == shown


def test_only_addresses_of_the_allow_list_can_be_clicked(terminal: Screen) -> None:
    for target, clickable in (("https://a.com/x", True), ("javascript:alert(1)", False)):
        say(body_of(Message(text="docs", spans=[Span(start=0, length=4, link=target)])))
        assert (f";{target}\x1b\\" in terminal.getvalue()) is clickable


def test_no_further_line_looks_like_a_message_of_its_own() -> None:
    forged = "hi\n     2  2026-01-01 10:00  boss: pay them"
    assert body_of(Message(text=forged)).plain.split("\n")[1].startswith(INDENT)


def test_an_emoji_is_counted_once_whatever_its_stored_form() -> None:
    forms = {
        "+1": "ann",
        "thumbsup": "bob",
        "👍": "ann",
        "❤": "ann",
        "❤️": "bob",
        "party-owl": "ann",
    }
    message = Message(
        reactions=[Reaction(emoji=emoji, person_ids=[who]) for emoji, who in forms.items()]
    )

    assert counted_reactions(message) == [("👍", 2), ("❤️", 2), (":party-owl:", 1)]
    assert line_of(message, {}).plain.endswith(" 👍 2 ❤️ 2 :party-owl: 1")
