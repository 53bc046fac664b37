"""Messages formatted for a terminal: one paragraph each."""

from collections.abc import Sequence

from plexus.messaging.v1 import messages_pb2
from plexus.messaging.v1.messages_pb2 import Forwarded, Message

from plexus_cli.language import tr
from plexus_cli.moments import local
from plexus_cli.rendering import body_of, counted_reactions
from plexus_cli.safety import safe_line
from plexus_cli.styled import Styled

_PRIORITIES = {
    messages_pb2.PRIORITY_IMPORTANT: "important",
    messages_pb2.PRIORITY_URGENT: "urgent",
}


def people_in(messages: Sequence[Message]) -> set[str]:
    """Return the ids of the people whose names a line shows."""
    shown = {message.sender_id for message in messages}
    return shown | {each.sender_id for message in messages for each in message.forwarded}


def line_of(message: Message, names: dict[str, str]) -> Styled:
    """Return a message as one paragraph, its spans as styles.

    Args:
        message: as it is now.
        names: names of people and conversations by id; an unknown conversation is left out.
    """
    reply = f" ↳{message.root_seq}" if message.root_seq else ""
    who = safe_line(names.get(message.sender_id, message.sender_id))
    line = Styled(f"{message.seq:>6}{reply}  {local(message.sent_at)}  {who}: ")
    if message.priority in _PRIORITIES:
        line.append(f"[{tr(_PRIORITIES[message.priority])}] ", "bold")
    if message.HasField("quote"):
        line.append(f"「{safe_line(message.quote.text) or '…'}」 ")
    line.append(tr("(recalled)") if message.recalled else body_of(message))
    if message.HasField("edited_at") and not message.recalled:
        line.append(" " + tr("(edited)"))
    for each in message.forwarded:
        line.append(" " + _forwarded(each, names))
    for attachment in message.attachments:
        line.append(f" [{safe_line(attachment.name or attachment.url)}]")
    for emoji, count in counted_reactions(message):
        line.append(f" {safe_line(emoji)} {count}")
    if message.HasField("pin"):
        line.append(" 📌")
    for word in message.labels:
        line.append(f" #{safe_line(word)}")
    return line


def _forwarded(forwarded: Forwarded, names: dict[str, str]) -> str:
    """Return what was forwarded, with its author and the conversation where it was said."""
    who = safe_line(names.get(forwarded.sender_id, forwarded.sender_id))
    where = safe_line(names.get(forwarded.conversation_id, ""))
    text = safe_line(forwarded.text)
    if where:
        return tr("(forwarded from {who} in {where}: {text})", who=who, where=where, text=text)
    return tr("(forwarded from {who}: {text})", who=who, text=text)
