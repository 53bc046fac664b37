"""Messages formatted for a terminal: one paragraph each."""

from plexus.messaging.v1 import messages_pb2
from plexus.messaging.v1.messages_pb2 import Message

from plexus_cli.language import tr
from plexus_cli.moments import local
from plexus_cli.rendering import body_of, counted_reactions
from plexus_cli.safety import safe_line
from plexus_cli.styled import Styled

_PRIORITIES = {
    messages_pb2.PRIORITY_IMPORTANT: "important",
    messages_pb2.PRIORITY_URGENT: "urgent",
}


def line_of(message: Message, names: dict[str, str]) -> Styled:
    """Return a message as one paragraph, its spans as styles."""
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
    if message.forwarded:
        carried = " / ".join(safe_line(each.text) for each in message.forwarded if each.text)
        line.append(
            " " + (tr("(forwarded: {text})", text=carried) if carried else tr("(forwarded)"))
        )
    for attachment in message.attachments:
        line.append(f" [{safe_line(attachment.name or attachment.url)}]")
    for emoji, count in counted_reactions(message):
        line.append(f" {safe_line(emoji)} {count}")
    if message.HasField("pin"):
        line.append(" 📌")
    for word in message.labels:
        line.append(f" #{safe_line(word)}")
    return line
