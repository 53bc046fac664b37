"""Refusals of facts that no record of a topic could carry."""

from plexuskit.errors import Kind, Refusal


class MessageTooLarge(Refusal):
    """MSG-21: the parts of a message, counted together, as its fact is stored, are too large."""

    kind = Kind.INVALID
    text = (
        "The message takes {bytes} bytes with its links, mentions and attachments; at most {limit} "
        "fit. Leave some of them out or send several messages."
    )


class FactTooLarge(Refusal):
    """MSG-21: a change of a conversation, as its fact is stored."""

    kind = Kind.INVALID
    text = "This change takes {bytes} bytes, and at most {limit} fit; make several smaller changes."
