"""One sentence and a known exit code for any standard input and output."""

import os
import subprocess
import sys
from pathlib import Path

PLEXUS = Path(sys.executable).with_name("plexus")
CASES = "采购".encode("gbk")


def run(
    *arguments: str | bytes, says: bytes = b"", **options: object
) -> subprocess.CompletedProcess[bytes]:
    env = {"PATH": "/usr/bin:/bin", "PLEXUS_CREDENTIALS": "/nonexistent/none", "LANG": "C.UTF-8"}
    env |= options.pop("env", {})  # type: ignore[arg-type] # a mapping
    return subprocess.run(  # noqa: S603 - the command that is tested
        [PLEXUS, *arguments],
        env=env,
        input=says,
        timeout=60,
        check=False,
        **({"capture_output": True} | options),  # type: ignore[call-overload] # of run
    )


def test_output_that_cannot_be_written_is_told_with_code_3() -> None:
    with Path("/dev/full").open("wb") as full:
        ran = run("--help", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert ran.returncode == 3
    assert ran.stderr.decode().splitlines() == [
        "The output cannot be written: No space left on device"
    ]


def test_a_reader_that_goes_is_no_mistake() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        ran = run("--help", stdout=gone, stderr=subprocess.PIPE, capture_output=False)
    assert (ran.returncode, ran.stderr) == (141, b"")


def test_a_key_during_the_start_ends_it_at_once_with_code_130() -> None:
    pressed = (
        "import os, signal, sys, plexus_cli.__main__ as plexus\n"
        "sys.meta_path.insert(0, type('Key', (), {'find_spec': staticmethod("
        "lambda name, *_: os.kill(os.getpid(), signal.SIGINT))}))\n"
        "plexus.main()"
    )
    ran = subprocess.run(  # noqa: S603 - asks this interpreter
        [sys.executable, "-c", pressed, "unread"], capture_output=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, b"", b"Interrupted.\n")


def test_input_that_is_no_text_is_refused_with_the_remedy() -> None:
    ran = run("send", "room", "-", says=CASES)
    assert ran.returncode == 1
    (told,) = ran.stderr.decode().splitlines()
    assert "iconv -f GB18030" in told


def test_input_is_read_in_the_encoding_of_the_terminal() -> None:
    ran = run("send", "room", "-", says=CASES, env={"PYTHONIOENCODING": "gbk"})
    assert b"TEXT_UNREADABLE" not in ran.stderr
    assert b"plexus login" in ran.stderr


def test_an_argument_that_is_no_text_is_wrong_usage() -> None:
    ran = run("tasks", "create", CASES)
    assert ran.returncode == 2
    assert "Word 3 is not UTF-8 text." in ran.stderr.decode()


def test_a_terminal_of_another_encoding_shows_what_it_can() -> None:
    env = {"PYTHONIOENCODING": "gbk", "LANG": "zh_CN.GBK"}
    ran = run("react", "--help", env=env)
    assert ran.returncode == 0
    assert "用法：plexus react" in ran.stdout.decode("gbk")


def test_a_pipe_gets_whole_lines_without_codes() -> None:
    ran = run("--help", env={"TERM": "xterm", "COLUMNS": "200"})
    assert b"\x1b" not in ran.stdout
