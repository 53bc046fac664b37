"""Usage and exit codes of the command: 0 done, 1 refused with the reason, 2 wrong usage."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from plexus_cli.__main__ import hoisted

PLEXUS = Path(sys.executable).with_name("plexus")
Type = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def nowhere() -> str:
    """Return an address at which no server listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def plexus(tmp_path: Path) -> Type:
    """Run the command on a machine without any profile or server."""

    def run(*arguments: str, says: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        known = {
            "PATH": "/usr/bin:/bin",
            "COLUMNS": "200",
            "PLEXUS_HOME": str(tmp_path),
            "PLEXUS_CREDENTIALS": str(tmp_path / "credentials.json"),
        }
        return subprocess.run(  # noqa: S603 - the command that is tested
            [PLEXUS, *arguments],
            env=known | env,
            input=says,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        (["send", "room", "hi", "--as", "bob"], ["--as", "bob", "send", "room", "hi"]),
        (["send", "--as=bob", "room", "hi"], ["--as=bob", "send", "room", "hi"]),
        (["login", "ann", "--url", "h:1"], ["--url", "h:1", "login", "ann"]),
        (
            ["--url", "h:1", "unread", "--json", "--as", "ann"],
            ["--url", "h:1", "--as", "ann", "unread", "--json"],
        ),
        (["send", "room", "--", "--as", "is text"], ["send", "room", "--", "--as", "is text"]),
        (["send", "room", "--asking"], ["send", "room", "--asking"]),
        (["unread", "--as"], ["--as", "unread"]),
        ([], []),
    ],
)
def test_url_and_profile_may_stand_anywhere(typed: list[str], understood: list[str]) -> None:
    assert hoisted(typed) == understood


def test_help_names_every_command_and_is_no_failure(plexus: Type) -> None:
    ran = plexus("--help")
    assert ran.returncode == 0
    for command in (
        "login",
        "send",
        "tail",
        "drafts",
        "schedule",
        "search",
        "tasks",
        "import",
        "roles",
        "policies",
        "modules",
        "status",
        "admin",
    ):
        assert command in ran.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("send", "only-a-place"),
        ("history", "room", "--limit", "0"),
        ("import", "slack", "/nowhere/at/all.zip"),
        ("tasks", "move", "T-1", "flying"),
        ("schedule", "create", "room", "no time"),
        ("conversations", "mute"),
        ("drafts", "save", "only-a-place"),
        ("unread", "--as"),
        ("roles", "bind", "only-a-role"),
        ("roles", "create", "x", "--show", "no columns"),
        ("policies", "create", "only-a-name"),
    ],
    ids=" ".join,
)
def test_what_was_typed_wrong_is_usage_and_exits_2(
    plexus: Type, arguments: tuple[str, ...]
) -> None:
    ran = plexus(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "Usage" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("unread",),
        ("tail",),
        ("status", "--json"),
        ("tasks", "list"),
        ("drafts", "list"),
        ("schedule", "list"),
    ],
    ids=" ".join,
)
def test_who_is_not_signed_in_is_refused_and_told_how(
    plexus: Type, arguments: tuple[str, ...]
) -> None:
    ran = plexus(*arguments)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "plexus login" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_gateway_that_cannot_be_reached_is_told_in_one_line(plexus: Type, nowhere: str) -> None:
    ran = plexus("--url", nowhere, "login", "ann", "--password-stdin", says="secret\n")
    assert ran.returncode == 1
    assert "cannot be reached" in ran.stderr
    assert "secret" not in ran.stdout + ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_a_password_is_never_asked_of_a_pipe(plexus: Type, nowhere: str) -> None:
    ran = plexus("--url", nowhere, "login", "ann")
    assert ran.returncode == 1
    assert "--password-stdin" in ran.stderr


def test_login_needs_an_address_the_first_time(plexus: Type) -> None:
    ran = plexus("login", "ann", "--password-stdin", says="x\n")
    assert ran.returncode == 1
    assert "--url" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "variable"),
    [
        (("admin", "migrate"), "PLEXUS_MONGO_URL"),
        (("admin", "dlq", "list", "search.messages"), "PLEXUS_KAFKA_URL"),
        (("admin", "init", "x", "--password-stdin"), "PLEXUS_BOOTSTRAP_SECRET"),
    ],
    ids=["migrate", "dlq", "init"],
)
def test_an_operator_without_addresses_is_told_which_to_set(
    plexus: Type, arguments: tuple[str, ...], variable: str
) -> None:
    ran = plexus(*arguments, says="a password\n")
    assert ran.returncode == 1
    assert variable in ran.stderr


def test_operators_take_the_addresses_of_the_local_run(plexus: Type, tmp_path: Path) -> None:
    state = tmp_path / ".plexus/run/state.json"
    state.parent.mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    state.write_text(json.dumps({"addresses": {"bootstrap secret": str(secret)}}))
    ran = plexus("admin", "init", "x", "--password-stdin", says="a password\n")
    assert ran.returncode == 1
    assert "PLEXUS_GATEWAY_GRPC" in ran.stderr, "the secret was found, the address was not"


def test_doctor_goes_on_when_everything_is_down_and_says_what_to_do(
    plexus: Type, nowhere: str
) -> None:
    ran = plexus(
        "admin",
        "doctor",
        "--json",
        PLEXUS_MONGO_URL=f"mongodb://{nowhere}/?serverSelectionTimeoutMS=500",
        PLEXUS_OPENSEARCH_URL=f"http://{nowhere}",
        PLEXUS_GATEWAY_GRPC=nowhere,
    )
    assert ran.returncode == 1
    findings = {finding["subject"]: finding for finding in json.loads(ran.stdout)}
    assert set(findings) == {"mongo", "kafka", "opensearch", "gateway"}
    assert not any(finding["ok"] for finding in findings.values())
    assert all(finding["remedy"] for finding in findings.values())
    assert "PLEXUS_KAFKA_URL" in findings["kafka"]["remedy"]
    assert nowhere in findings["opensearch"]["remedy"]
    assert "4 of 4" in ran.stderr
    assert "Traceback" not in ran.stderr
