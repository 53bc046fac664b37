"""Requests for notifications: source, texts and recipients, before any decision."""

from dataclasses import dataclass

from notify.domain.kinds import Kind
from notify.domain.notifications import Source
from notify.domain.wording import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One member of the audience: the kind, the title, and whether the source is readable.

    `by_name`: addressed as a person, not as one of all; passes a mute.
    """

    person_id: str
    kind: Kind
    wording: Wording
    readable: bool = True
    by_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRequest:
    """A request to notify the recipients of an event.

    Attributes:
        event_id: claimed in the transaction of the notifications (NTF-2).
        tenant_id: the tenant of source and recipients.
        source: the object that it is about.
        step: distinguishes the notifications of one kind about the same source.
        body: the text under the title: as a user wrote it, empty for an attachment, or a wording
            for each reader's language.
        recipients: in the order of their ids, each once.
        silent: the sender wants no one disturbed (NTF-11).
        confidential: mails carry no content (NTF-9).
        urgent: passes mutes (NTF-5).
        after_reading: an edit has added it, so that what was read before does not count (MSG-11).
    """

    event_id: str
    tenant_id: str
    source: Source
    step: str
    body: str | Wording
    recipients: tuple[Recipient, ...]
    silent: bool = False
    confidential: bool = False
    urgent: bool = False
    after_reading: bool = False
