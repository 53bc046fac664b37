"""The mail sink, which stores every mail as a file."""

import smtplib
import sys
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from plexus_local.servers import Child, ports


def test_a_mail_is_kept_whole_with_its_envelope(tmp_path: Path, until: Callable[..., Any]) -> None:
    port, folder = ports.free_port(), tmp_path / "mail"
    command = [sys.executable, "-m", "plexus_local.mail", str(port), str(folder)]
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "重要通知", "plexus@plexus.local", "li@example.org"
    mail.set_content("请确认。\n")

    sink = Child(command, log=tmp_path / "log")
    try:
        until(lambda: ports.answers(port))
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.send_message(mail, to_addrs=["li@example.org", "wang@example.org"])
    finally:
        code = sink.stop()

    [path] = folder.glob("*.eml")
    kept = message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(kept, EmailMessage)
    assert kept["Subject"] == "重要通知"
    assert kept.get_content() == "请确认。\r\n"  # as received
    assert kept["X-Envelope-To"] == "li@example.org, wang@example.org"
    assert code == 0
