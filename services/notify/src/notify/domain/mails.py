"""Notifications as an e-mail: plain text and simple HTML, UTF-8, the same for every attempt."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Final

from plexuskit.errors import InvalidArgument
from plexuskit.names import without_tricks

from notify.domain.notifications import Notification
from notify.domain.people import Person, locale_of
from notify.domain.wording import (
    MAIL_BODY,
    MAIL_FOOTER,
    MAIL_MORE,
    MAIL_SUBJECT,
    MAIL_TITLE,
    language,
)

# Notifications that a mail lists; of the others it says how many there are.
MAX_LISTED: Final = 20


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
    notification: Notification,
    *,
    person: Person,
    sender: str,
    content: bool,
    at: datetime,
    further: Sequence[Notification] = (),
    mail: str = "",
) -> Mail:
    """Write the e-mail of a notification, with further ones of the same conversation.

    Args:
        notification: the first one to report; its title is the subject.
        person: the recipient; the language is theirs.
        sender: `Name <address>` or the address alone.
        content: whether titles and excerpts go out, or only that there is something (NTF-9).
        at: the date that the mail carries: the first attempt's, so that repeats are equal.
        further: the others, of which a bounded number is listed.
        mail: the delivery id for the Message-ID, of which every attempt has the same (NTF-2);
            empty for the notification's own.

    Refusals: InvalidArgument for an address that cannot be encoded.
    """
    locale = locale_of(person)
    subject, entries, more = _written(notification, further, content=content, locale=locale)
    sender_name, sender_address = parseaddr(sender)

    message = EmailMessage(policy=SMTP)
    message["From"] = _address(sender_name or "Plexus", sender_address)
    message["To"] = _address(person.display_name, person.email)
    message["Subject"] = _line(subject)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{mail or notification.email.id}@{sender_address.rpartition('@')[2]}>"
    # Out-of-office answers and the mail bridge stay quiet on this (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    footer = MAIL_FOOTER.to(locale)
    paragraphs = [part for entry in entries for part in entry] + ([more] if more else [])
    plain = "\n\n".join(paragraphs)
    message.set_content(f"{plain}\n\n-- \n{footer}\n", cte="base64")
    message.add_alternative(
        _html(subject, entries, more, footer, locale=language(locale)),
        subtype="html",
        cte="base64",
    )
    # Set last: the parts take the content headers that are there when they are made.
    message["Content-Language"] = language(locale)
    return Mail(sender=sender_address, recipient=person.email, message=message)


def _written(
    notification: Notification, further: Sequence[Notification], *, content: bool, locale: str
) -> tuple[str, list[tuple[str, str]], str]:
    """Return the subject, the listed titles with their texts, and a line about those left out."""
    if not content:
        title = MAIL_TITLE.to(locale)
        return title, [(title, MAIL_BODY.to(locale))], ""
    listed = (notification, *further[: MAX_LISTED - 1])
    entries = [(each.title, each.body) for each in listed]
    if not further:
        return notification.title, entries, ""
    subject = MAIL_SUBJECT.to(locale).format(title=notification.title, more=len(further))
    left_out = 1 + len(further) - len(listed)
    return subject, entries, MAIL_MORE.to(locale).format(more=left_out) if left_out else ""


def _address(name: str, address: str) -> Address:
    try:
        return Address(display_name=_line(name), addr_spec=address)
    except (ValueError, IndexError, MessageError) as problem:
        raise InvalidArgument(field="email", problem="is no e-mail address") from problem


def _line(text: str) -> str:
    """Return a text as one line without tricks: a line break would begin another header."""
    return without_tricks(text)


def _html(
    title: str, entries: Sequence[tuple[str, str]], more: str, footer: str, *, locale: str
) -> str:
    written = "".join(
        f"<h3>{html.escape(heading)}</h3><p>{html.escape(body)}</p>" for heading, body in entries
    )
    return (
        f'<!doctype html><html lang="{locale}"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title></head>"
        f'<body style="font-family:sans-serif;max-width:40em">{written}'
        + (f"<p>{html.escape(more)}</p>" if more else "")
        + f'<hr><p style="color:#777;font-size:small">{html.escape(footer)}</p></body></html>'
    )
