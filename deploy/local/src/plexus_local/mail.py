"""Mail server that stores every mail as a file: `python -m plexus_local.mail PORT FOLDER`."""

import asyncio
import itertools
import re
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

LARGEST_MAIL = 32 * 1024 * 1024


class MailFolder:
    """Writes each mail to one file per delivery, in the order of arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count(1)

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Store the mail with its envelope, and confirm it to the sender."""
        received = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        recipient = re.sub(r"[^\w.@+-]", "_", envelope.rcpt_tos[0])[:80]
        path = self._folder / f"{received}-{next(self._numbers):04}-{recipient}.eml"
        recipients = ", ".join(envelope.rcpt_tos)
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {recipients}\r\n"
        content = envelope.original_content or b""

        # Written to another name first: a watcher of *.eml sees complete mails only.
        fresh = path.with_suffix(".part")
        await asyncio.to_thread(fresh.write_bytes, head.encode() + content)
        fresh.replace(path)
        return "250 Message kept"


async def serve(*, port: int, folder: Path) -> None:
    """Accept mails on loopback into an existing folder until the process is stopped."""
    handler = MailFolder(folder)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    server = await loop.create_server(
        lambda: SMTP(handler, enable_SMTPUTF8=True, data_size_limit=LARGEST_MAIL, loop=loop),
        host="127.0.0.1",
        port=port,
    )
    async with server:
        await stopping.wait()


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(port=int(sys.argv[1]), folder=Path(sys.argv[2])))
