"""Translation of files, link previews and texts that apps attach to a message."""

import re
from collections.abc import Iterator, Sequence

from plexus.messaging.v1 import messages_pb2 as messages
from plexuskit.links import is_target

from plexus_cli.slack.blocks import BlockReader
from plexus_cli.slack.composing import Composer, joined
from plexus_cli.slack.fields import Entry, child, children, flag, string, whole
from plexus_cli.slack.markup import Rendered, render

MAX_ATTACHMENTS = 50
MAX_NAME_LENGTH = 255

_WEB = frozenset(("http", "https"))
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)
_PREVIEWED = ("from_url", "original_url", "app_unfurl_url")
_NO_PREVIEW = "[no preview available]"
_GONE = {"tombstone": "Deleted file", "hidden_by_limit": "File hidden by the limit of the plan"}
"""Names of files that Slack no longer shows, by mode."""


def attachments_of(entry: Entry) -> list[messages.Attachment]:
    """Return the files of `entry`, then its pictures and link previews, without a limit."""
    files = [*children(entry, "files"), *filter(None, [child(entry, "file")])]
    found = [_file(item) for item in files]
    found += filter(None, map(_picture, _blocks_with_pictures(entry)))
    found += filter(None, map(_page, children(entry, "attachments")))
    return found


def attached_text(entry: Entry, *, reader: BlockReader, said: str) -> Rendered:
    """Return the text in the attachments of `entry`.

    A shared message is quoted. A page's preview counts only if there is no other text, because its
    words are the page's.

    Args:
        entry: the message.
        reader: reader of the blocks in the attachments.
        said: the text of the message, which is not repeated.
    """
    items = children(entry, "attachments")
    own = [item for item in items if not _is_preview(item)]
    texts = [_attached(item, reader, said) for item in own]
    if not said and not any(text.text for text in texts):
        texts = [_attached(item, reader, said) for item in items]
    return joined(texts, names=reader.names)


def _attached(item: Entry, reader: BlockReader, said: str) -> Rendered:
    parts = [part for part in _parts(item, reader) if part.text and part.text not in said]
    text = joined(parts, names=reader.names)
    fallback = string(item, "fallback")
    if not text.text and not said and fallback and fallback != _NO_PREVIEW:
        text = render(fallback, names=reader.names)
    if not text.text or not _is_shared(item):
        return text
    composer = Composer(reader.names)
    composer.add_rendered(text)
    composer.mark(0, "quote")
    return composer.finish()


def _parts(item: Entry, reader: BlockReader) -> Iterator[Rendered]:
    blocks = reader.read(item)
    if not blocks.text:
        contained = [child(each, "message") for each in children(item, "message_blocks")]
        blocks = joined(map(reader.read, contained), names=reader.names)
    if blocks.text:
        if _is_shared(item):
            yield render(string(item, "author_name"), names=reader.names)
        yield blocks
        return
    for key in ("pretext", "author_name", "title", "text"):
        yield render(string(item, key), names=reader.names)
    for field in children(item, "fields"):
        label, value = string(field, "title"), string(field, "value")
        shown = f"{label}: {value}" if label and value else label or value
        yield render(shown, names=reader.names)
    for action in children(item, "actions"):
        label = string(action, "text")
        yield Rendered(text=f"[{label}]" if label else "")
    yield render(string(item, "footer"), names=reader.names)


def _is_shared(item: Entry) -> bool:
    return flag(item, "is_msg_unfurl") or flag(item, "is_share")


def _is_preview(item: Entry) -> bool:
    previews = any(string(item, key) for key in _PREVIEWED) or flag(item, "is_app_unfurl")
    return previews and not _is_shared(item)


def _file(item: Entry) -> messages.Attachment:
    gone = _GONE.get(string(item, "mode"), "")
    name = string(item, "name") or string(item, "title") or gone or string(item, "id") or "file"
    media_type = string(item, "mimetype")
    links = (string(item, key) for key in ("url_private", "permalink", "external_url"))
    return messages.Attachment(
        name=name[:MAX_NAME_LENGTH],
        url=next(filter(None, map(_web, links)), ""),
        media_type=media_type if _MEDIA_TYPE.fullmatch(media_type) else "",
        size_bytes=whole(item, "size"),
    )


def _blocks_with_pictures(entry: Entry) -> Sequence[Entry]:
    blocks = [*children(entry, "blocks")]
    for item in children(entry, "attachments"):
        blocks += children(item, "blocks")
    accessories = [child(block, "accessory") for block in blocks]
    return [each for each in (*blocks, *accessories) if string(each, "type") == "image"]


def _picture(block: Entry) -> messages.Attachment | None:
    links = (string(block, "image_url"), string(child(block, "slack_file"), "url"))
    url = next(filter(None, map(_web, links)), "")
    if not url:
        return None
    name = string(child(block, "title"), "text") or string(block, "alt_text") or url
    return messages.Attachment(name=name[:MAX_NAME_LENGTH], url=url)


def _page(item: Entry) -> messages.Attachment | None:
    """Return the page or picture of a preview; None for a bot's plain text."""
    links = (string(item, key) for key in ("title_link", "from_url", "original_url", "image_url"))
    url = next(filter(None, map(_web, links)), "")
    if not url:
        return None
    name = string(item, "title") or string(item, "fallback") or string(item, "service_name") or url
    return messages.Attachment(name=name[:MAX_NAME_LENGTH], url=url)


def _web(link: str) -> str:
    return link if is_target(link, schemes=_WEB) else ""
