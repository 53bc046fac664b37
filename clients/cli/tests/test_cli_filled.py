"""Output of every command for any response, in both languages, and in JSON."""

import io
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plexus_cli import language
from plexus_cli.asked import asked
from plexus_cli.index import load
from plexus_cli.running import run

from .filled import Filled, serve

# These do not end, need servers of their own, or verify data that cannot be made up.
OTHERS = {
    "admin dlq list",
    "admin dlq redrive",
    "admin dlq skip",
    "admin doctor",
    "admin init",
    "admin migrate",
    "anchors",
    "audit export",
    "audit verify",
    "completion",
    "import slack",
    "login",
    "logout",
    "people import",
    "second-factor totp",
    "tail",
    "verify",
}
VALUES = {
    "CONVERSATION": "cnv_1",
    "FILE": "-",
    "GUEST": "ann",
    "KIND": "mention",
    "MEMBERS": "ann",
    "MODULE": "tasks",
    "OBJECT": "@ann",
    "PEOPLE": "ann",
    "PERSON": "ann",
    "NEW-ROLE": "admin",
    "ROLE": "per_1",
    "SEQ": "1",
    "SEQS": "1",
    "STATE": "doing",
    "SUBJECT": "ann",
    "TARGET": "cnv_2",
    "UNDER": "-",
    "LEADER": "-",
    "--at": "tomorrow 9:00",
    "--channel": "email",
    "--scope": "messages.send",
    "--to": "ann",
    "--until": "tomorrow 9:00",
    "--waiting": "1",
}
MORE = {
    "admin sign-in policy": ["--local"],
    "notifications read": ["--all"],
    "settings password": ["--password-stdin"],
    "second-factor delete": ["--password-stdin"],
    "settings update": ["--zone", "Europe/Berlin", "--working-days", "mon-fri"],
}
COMMANDS = {name: entry for name, entry in load()["commands"].items() if name not in OTHERS}


@pytest.fixture(scope="module")
def gateway() -> Iterator[tuple[str, Filled]]:
    server, url, filled = serve()
    yield url, filled
    server.stop(0)


@pytest.fixture(autouse=True)
def signed_in(
    gateway: tuple[str, Filled], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    profile = {
        "name": "ann",
        "url": gateway[0],
        "person_id": "per_1",
        "handle": "ann",
        "access_token": "token",
        "access_expires_at": time.time() + 900,
        "refresh_token": "token",
        "session_id": "ses_1",
    }
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps({"default": "ann", "profiles": {"ann": profile}}))
    monkeypatch.setenv("PLEXUS_CREDENTIALS", str(file))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"pw\nnew\n"), "utf-8"))
    asked.zone = None
    language.catalogue.cache_clear()
    yield
    language.catalogue.cache_clear()


def typed(name: str) -> list[str]:
    """Return a command line with values for its required arguments."""
    words = name.split()
    for parameter in COMMANDS[name]["parameters"]:
        flag = parameter.get("flags", [""])[0]
        metavar = parameter["metavar"].strip("[]")
        if parameter["required"] or metavar in {"MEMBERS", "PEOPLE"}:
            words += [flag, VALUES.get(flag, "x")] if flag else [VALUES.get(metavar, "采购群")]
    return words + MORE.get(name, [])


@pytest.mark.parametrize("locale", ["zh_CN.UTF-8", "C.UTF-8"])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_any_answer(
    name: str, locale: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    code = run(typed(name))
    shown = capsys.readouterr()
    assert code == 0, shown.err
    assert "\x1b" not in shown.out
    assert shown.out.strip()


def has_json(name: str) -> bool:
    return any("--json" in each.get("flags", ()) for each in COMMANDS[name]["parameters"])


@pytest.mark.parametrize("name", filter(has_json, COMMANDS))
def test_a_command_prints_one_line_of_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*typed(name), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) is not None


def test_a_group_or_command_that_is_typed_to_look_calls_nothing_that_changes(
    gateway: tuple[str, Filled], capsys: pytest.CaptureFixture[str]
) -> None:
    reads = ("Get", "List", "BatchGet")
    gateway[1].asked.clear()
    for words in (*load()["groups"], *(set(COMMANDS) - {"settings password"})):
        assert run(words.split()) in {0, 2}
    capsys.readouterr()
    assert [method for method in gateway[1].asked if not method.startswith(reads)] == []


def test_every_method_is_described() -> None:
    entry: Any
    for name, entry in load()["commands"].items():
        assert entry["help"].endswith((".", "`.")), name
