"""A notification as an e-mail: plain text and simple HTML, UTF-8, the same for every attempt."""

import html
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from plexuskit.errors import InvalidArgument
from plexuskit.names import without_tricks

from notify.domain.notifications import Notification
from notify.domain.people import Person, locale_of
from notify.domain.wording import MAIL_BODY, MAIL_FOOTER, MAIL_TITLE, language


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Mail for the mail server; `message_id` is the same for every attempt (NTF-2)."""

    sender: str
    recipient: str
    message: EmailMessage

    @property
    def message_id(self) -> str:
        """Return the header by which mail systems recognise a repeat."""
        return str(self.message["Message-ID"])


def compose(
    notification: Notification, *, person: Person, sender: str, content: bool, at: datetime
) -> Mail:
    """Write the e-mail of a notification.

    Args:
        notification: the notification.
        person: the recipient, with their language.
        sender: `Name <address>` or the address alone.
        content: whether title and excerpt are included (NTF-9).
        at: the date of the mail: the first attempt's, so that repeats are equal.

    Refusals: InvalidArgument for an address that cannot be encoded.
    """
    locale = locale_of(person)
    title, body = notification.title, notification.body
    if not content:
        title = MAIL_TITLE.to(locale)
        body = MAIL_BODY.to(locale)
    sender_name, sender_address = parseaddr(sender)

    message = EmailMessage(policy=SMTP)
    message["From"] = _address(sender_name or "Plexus", sender_address)
    message["To"] = _address(person.display_name, person.email)
    message["Subject"] = _line(title)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id(notification, sender=sender_address)
    # Out-of-office answers and the mail bridge stay quiet on this (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    footer = MAIL_FOOTER.to(locale)
    message.set_content(f"{title}\n\n{body}\n\n-- \n{footer}\n", cte="base64")
    message.add_alternative(
        _html(title, body, footer, locale=language(locale)), subtype="html", cte="base64"
    )
    # Set last: the parts take the content headers that are there when they are made.
    message["Content-Language"] = language(locale)
    return Mail(sender=sender_address, recipient=person.email, message=message)


def message_id(notification: Notification, *, sender: str) -> str:
    """Return the Message-ID, made of the delivery's id: every attempt has the same (NTF-2)."""
    return f"<{notification.email.id}@{sender.rpartition('@')[2]}>"


def _address(name: str, address: str) -> Address:
    try:
        return Address(display_name=_line(name), addr_spec=address)
    except (ValueError, IndexError, MessageError) as problem:
        raise InvalidArgument(field="email", problem="is no e-mail address") from problem


def _line(text: str) -> str:
    """Return a text as one line without tricks: a line break would begin another header."""
    return without_tricks(text)


def _html(title: str, body: str, footer: str, *, locale: str) -> str:
    return (
        f'<!doctype html><html lang="{locale}"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title></head>"
        '<body style="font-family:sans-serif;max-width:40em">'
        f"<h3>{html.escape(title)}</h3><p>{html.escape(body)}</p>"
        f'<hr><p style="color:#777;font-size:small">{html.escape(footer)}</p></body></html>'
    )
