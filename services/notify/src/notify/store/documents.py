"""Conversion of a notification to its document and back."""

from typing import Any

from notify.domain.definitions import Kinds
from notify.domain.notifications import Delivery, Notification, Source
from notify.domain.outcomes import Reason, State

Document = dict[str, Any]


def document_of(notification: Notification) -> Document:
    """Return a notification as a document.

    `inbox` and `mail_due_at` repeat what the deliveries say, for the partial indexes: the latter is
    there only while an e-mail is open, with `mail_turn`, the person in whose turn it is sent.
    """
    source = notification.source
    document = {
        "_id": notification.id,
        "tenant_id": notification.tenant_id,
        "person_id": notification.person_id,
        "kind": notification.kind.name,
        "title": notification.title,
        "body": notification.body,
        "source": {
            "kind": source.kind,
            "id": source.id,
            "actor_id": source.actor_id,
            "conversation_id": source.conversation_id,
            "seq": source.seq,
            "root_seq": source.root_seq,
        },
        "step": notification.step,
        "event_id": notification.event_id,
        "dedupe": notification.dedupe_key,
        "created_at": notification.created_at,
        "read": notification.read,
        "inbox": notification.in_inbox,
        "in_app": _delivery_document(notification.in_app),
        "email": _delivery_document(notification.email),
        "confidential": notification.confidential,
        "passes_mute": notification.passes_mute,
        "after_reading": notification.after_reading,
        "version": notification.version,
    }
    if notification.email.next_attempt_at is not None:
        document["mail_due_at"] = notification.email.next_attempt_at
        # Mails without a sender, such as reminders, have the turn of whom they go to.
        document["mail_turn"] = source.actor_id or notification.person_id
    return document


def notification_of(document: Document, *, kinds: Kinds) -> Notification:
    """Return the notification of a document.

    Raises:
        ValueError: its kind is unknown.
    """
    source = document["source"]
    return Notification(
        id=document["_id"],
        tenant_id=document["tenant_id"],
        person_id=document["person_id"],
        kind=kinds.named(document["kind"]),
        title=document["title"],
        body=document["body"],
        source=Source(
            kind=source["kind"],
            id=source["id"],
            actor_id=source["actor_id"],
            conversation_id=source["conversation_id"],
            seq=source["seq"],
            root_seq=source["root_seq"],
        ),
        step=document["step"],
        event_id=document["event_id"],
        created_at=document["created_at"],
        read=document["read"],
        in_app=_delivery(document["in_app"]),
        email=_delivery(document["email"], due_at=document.get("mail_due_at")),
        confidential=document.get("confidential", False),
        passes_mute=document.get("passes_mute", False),
        after_reading=document.get("after_reading", False),
        version=document["version"],
    )


def _delivery_document(delivery: Delivery) -> Document:
    named = {"mail": delivery.mail} if delivery.mail else {}
    return {
        "id": delivery.id,
        "state": delivery.state.value,
        "reason": delivery.reason.value,
        "at": delivery.at,
        "attempts": delivery.attempts,
        "first_attempt_at": delivery.first_attempt_at,
        "lease": delivery.lease,
        **named,
    }


def _delivery(document: Document, *, due_at: Any = None) -> Delivery:
    return Delivery(
        id=document["id"],
        state=State(document["state"]),
        reason=Reason(document["reason"]),
        at=document["at"],
        next_attempt_at=due_at,
        attempts=document["attempts"],
        first_attempt_at=document["first_attempt_at"],
        lease=document["lease"],
        mail=document.get("mail", ""),
    )
