"""Translates files and link previews of a message; finds the text of bots that hide it in them."""

import re
from collections.abc import Iterator

from plexus.messaging.v1 import messages_pb2 as messages
from plexuskit.links import is_target

from plexus_cli.slack.fields import Entry, child, children, string, whole

MAX_ATTACHMENTS = 50
MAX_NAME_LENGTH = 255

_WEB = frozenset(("http", "https"))
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)


def attachments_of(entry: Entry) -> list[messages.Attachment]:
    """Answer the files of `entry`, then the pages it shows; at most MAX_ATTACHMENTS."""
    files = [*children(entry, "files"), *filter(None, [child(entry, "file")])]
    found = [_file(item) for item in files]
    found += filter(None, map(_page, children(entry, "attachments")))
    return found[:MAX_ATTACHMENTS]


def hidden_text(entry: Entry) -> str:
    """Answer the text, in Slack's markup, that an entry carries in blocks or attachments only."""
    texts = list(_block_texts(entry))
    if not texts:
        for item in children(entry, "attachments"):
            texts += _attachment_texts(item)
    return "\n".join(texts)


def _file(item: Entry) -> messages.Attachment:
    name = string(item, "name") or string(item, "title") or string(item, "id") or "file"
    media_type = string(item, "mimetype")
    links = (string(item, key) for key in ("url_private", "permalink", "external_url"))
    return messages.Attachment(
        name=name[:MAX_NAME_LENGTH],
        url=next(filter(None, map(_web, links)), ""),
        media_type=media_type if _MEDIA_TYPE.fullmatch(media_type) else "",
        size_bytes=whole(item, "size"),
    )


def _page(item: Entry) -> messages.Attachment | None:
    """Answer the page or picture that a preview shows, None for a bot's mere text."""
    links = (string(item, key) for key in ("title_link", "from_url", "original_url", "image_url"))
    url = next(filter(None, map(_web, links)), "")
    if not url:
        return None
    name = string(item, "title") or string(item, "fallback") or string(item, "service_name") or url
    return messages.Attachment(name=name[:MAX_NAME_LENGTH], url=url)


def _web(link: str) -> str:
    return link if is_target(link, schemes=_WEB) else ""


def _attachment_texts(item: Entry) -> Iterator[str]:
    shown = [string(item, key) for key in ("pretext", "title", "text")]
    for field in children(item, "fields"):
        label, value = string(field, "title"), string(field, "value")
        shown.append(f"{label}: {value}" if label and value else label or value)
    shown = [text for text in shown if text]
    yield from shown or filter(None, [string(item, "fallback")])


def _block_texts(entry: Entry) -> Iterator[str]:
    for block in children(entry, "blocks"):
        parts = [child(block, "text"), *children(block, "fields"), *children(block, "elements")]
        text = " ".join(filter(None, (string(part, "text") for part in parts)))
        if text:
            yield text
