"""Queries that may read more than three times what they return, each with its reason."""

from typing import NamedTuple


class Exceeding(NamedTuple):
    """A query that may read more.

    Attributes:
        service: the service that sends it.
        collection: the collection that it reads.
        fragments: texts, all of which occur in the JSON of its shape.
        reason: the reason for the exception.
    """

    service: str
    collection: str
    fragments: tuple[str, ...]
    reason: str


EXCEPTIONS: tuple[Exceeding, ...] = (
    Exceeding(
        "messaging",
        "entries",
        ('"hint": "seq"', '"native"'),
        "Looks through what was added since an import last looked, once per stream and "
        "conversation; the number up to which it looked is kept (`checked_seq`).",
    ),
    Exceeding(
        "messaging",
        "entries",
        ('"hint": "seq"', '"silent": false', '"$group"'),
        "Counts what is unread from the index alone, in a window of at most 1,000 messages of each "
        "conversation of a page (UNREAD_WINDOW).",
    ),
    Exceeding(
        "messaging",
        "entries",
        ('"hint": "replies"', '"$group"'),
        "Groups the replies of the same window by thread, from the index alone.",
    ),
    Exceeding(
        "messaging",
        "entries",
        ('"hint": "stored_at"', '"_id": "$conversation_id"'),
        "Finds the conversations written to in five seconds, when heads are repaired after a "
        "process has ended; no request waits for it.",
    ),
    Exceeding(
        "messaging",
        "heads",
        ('"n": {"$sum": "$seq"}',),
        "Adds up the tenant's conversations for GetMessagingStatus, which administrators ask for.",
    ),
    Exceeding(
        "directory",
        "people",
        ('"posts.title": 1',),
        "Evaluates the rules of groups in one query for all: it reads the people of the rules' "
        "departments, or of the tenant where a rule that was just written names none.",
    ),
    Exceeding(
        "directory",
        "people",
        ('"hint": "tenant_handle_search"',),
        "Finds a part of a handle or name in the keys of the index, in order of the handle; no "
        "document is read in vain, and a page ends where it is full.",
    ),
    Exceeding(
        "directory",
        "scim",
        ('"$and"', '"match.'),
        "A SCIM filter may name any attribute, and the protocol wants the number of all matches; "
        "userName, externalId, e-mail and employee number are read from indexes.",
    ),
)
