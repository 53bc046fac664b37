"""SMTP client of the mail server, and the meaning of its replies (NTF-2, NTF-8)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiosmtplib
import structlog

from notify.config import SmtpSection
from notify.domain.attempts import Answer
from notify.domain.mails import Mail

_PERMANENT: Final = 500

log = structlog.get_logger()


class SmtpServer:
    """The server of the settings; every batch has connections of its own."""

    def __init__(self, section: SmtpSection) -> None:
        self._section = section

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["SmtpConnection"]:
        """Yield a connection that is opened for the first mail, and closed with QUIT."""
        connection = SmtpConnection(self._section)
        try:
            yield connection
        finally:
            await connection.close()


class SmtpConnection:
    """One connection, used by one mail at a time; after it was lost the next mail makes another."""

    def __init__(self, section: SmtpSection) -> None:
        self._section = section
        self._client: aiosmtplib.SMTP | None = None
        self._down = False

    async def send(self, mail: Mail) -> Answer:
        """Hand over a mail and return the server's response.

        A server that could not be reached is not tried again in this batch. A connection that ends
        before the answer leaves it open whether the mail was taken: `UNANSWERED`.
        """
        if self._down:
            return Answer.UNREACHABLE
        if self._client is None or not self._client.is_connected:
            answer = await self._connect()
            if answer is not None:
                return answer
        answer = await self._hand_over(mail)
        if answer is Answer.UNANSWERED:
            self._drop()
        return answer

    async def close(self) -> None:
        """Send QUIT if the server still listens."""
        client, self._client = self._client, None
        if client is None or not client.is_connected:
            return
        try:
            await client.quit(timeout=2)
        except aiosmtplib.SMTPException as error:
            log.debug("smtp.quit_failed", error=type(error).__name__)
        finally:
            client.close()

    async def _connect(self) -> Answer | None:
        """Open the connection; return an answer only on failure."""
        section = self._section
        client = aiosmtplib.SMTP(
            hostname=section.host,
            port=section.port,
            username=section.user or None,
            password=section.password or None,
            use_tls=section.tls,
            start_tls=section.starttls,
            timeout=section.timeout_seconds,
        )
        try:
            async with asyncio.timeout(section.mail_seconds):
                await client.connect()
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError, TimeoutError) as error:
            # An error before the first mail (no server, no TLS, a wrong password, too many
            # connections) is not the mail's fault: it keeps waiting.
            log.warning("smtp.unreachable", error=type(error).__name__, code=_code(error))
            client.close()
            self._down = True
            return Answer.UNREACHABLE
        self._client = client
        return None

    async def _hand_over(self, mail: Mail) -> Answer:
        client = self._client
        if client is None:
            return Answer.UNREACHABLE
        try:
            async with asyncio.timeout(self._section.mail_seconds):
                await client.send_message(
                    mail.message, sender=mail.sender, recipients=[mail.recipient]
                )
        except aiosmtplib.SMTPNotSupported as unable:
            log.warning("smtp.not_supported", message_id=mail.message_id, problem=str(unable))
            return Answer.REFUSED
        except (aiosmtplib.SMTPResponseException, aiosmtplib.SMTPRecipientsRefused) as refused:
            code = _code(refused)
            log.warning("smtp.refused", message_id=mail.message_id, code=code)
            return Answer.REFUSED if code >= _PERMANENT else Answer.BUSY
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as lost:
            log.warning("smtp.unanswered", message_id=mail.message_id, error=type(lost).__name__)
            return Answer.UNANSWERED
        return Answer.ACCEPTED

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _code(error: BaseException) -> int:
    """Return the server's reply code in an error, 0 without one."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return min((each.code for each in error.recipients), default=0)
    return error.code if isinstance(error, aiosmtplib.SMTPResponseException) else 0
