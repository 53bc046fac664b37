"""Words of the contracts that users see, so that each has a translation."""

from typing import Final

SHOWN_WORDS: Final = (
    # states of tasks and scheduled messages
    "todo", "doing", "blocked", "done", "cancelled", "waiting", "sending", "sent", "failed",
    # priorities
    "low", "normal", "high", "important", "urgent",
    # roles of members, kinds of hits
    "owner", "admin", "member", "message", "task", "person", "project",
    # steps of a decision
    "permission", "module", "policy", "scope", "second factor", "object", "relation", "tenant",
    # channels and outcomes of deliveries
    "in_app", "email", "web_push", "pending", "delivered", "dropped", "deferred",
    # kinds of notifications
    "mention", "direct_message", "reply", "task_assigned", "task_due", "task_overdue",
    "feed_stopped", "membership", "message_urgent",
    # second factors
    "one-time codes", "passkey",
    # arrangement of conversations
    "muted", "marked", "archived", "closed",
    # counts of the status
    "people", "conversations", "messages", "indexed messages", "tasks", "deliveries",
    "dead letters",
    # lines about a person or group
    "handle", "earlier handles", "id", "state", "e-mail", "title", "departments", "posts",
    "manager", "skills",
    "employee number", "cost centre", "roles", "zone", "language", "working hours", "guest until",
    "away", "deputy", "note", "name", "description", "members", "due", "assignees",
    # questions
    "Password", "Old password", "New password", "Again",
    # parts of a conversation that cannot be compared
    "of them you may not read", "of them emptied by recall",
    "of them without a hash, from before version 2",
    # ends of conversations and other proofs
    "the link does not follow from the one before", "the content is not what was said",
    "sender, time or another mark is not what was proved",
    "the numbers of messages have a hole", "no entry has this number",
    "what is shown now is not what the log leads to",
)  # fmt: skip
"""Each word is a key of the catalogue."""
