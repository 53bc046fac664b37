"""Texts for users in Chinese and English; those of one kind are in its file in `kinds`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

EXCERPT_CHARACTERS: Final = 200

_ZH: Final = "zh-CN"
_EN: Final = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text in both languages; `{name}` is a parameter."""

    zh: str
    en: str

    def to(self, locale: str) -> str:
        """Return the text for a reader of a BCP 47 language."""
        return self.zh if language(locale) == _ZH else self.en


RECALLED: Final = Text(zh="消息已撤回", en="The message was recalled")
ATTACHMENT: Final = Text(zh="[附件]", en="[Attachment]")
SOMEONE: Final = Text(zh="有人", en="Someone")
MAIL_TITLE: Final = Text(zh="你有一条新消息", en="You have a new message")
MAIL_BODY: Final = Text(zh="请打开 Plexus 查看。", en="Open Plexus to read it.")
MAIL_SUBJECT: Final = Text(zh="{title} · 另有 {more} 条", en="{title} (and {more} more)")
MAIL_MORE: Final = Text(zh="另有 {more} 条。", en="{more} more.")
MAIL_FOOTER: Final = Text(
    zh="此邮件由 Plexus 自动发送, 请勿回复。可在 Plexus 的通知设置中选择接收哪些邮件。",
    en="Plexus sent this by itself; replies are not read. "
    "Choose in your notification preferences what to receive by e-mail.",
)
SHARED: Final = (
    RECALLED,
    ATTACHMENT,
    SOMEONE,
    MAIL_TITLE,
    MAIL_BODY,
    MAIL_SUBJECT,
    MAIL_MORE,
    MAIL_FOOTER,
)
"""The texts of no single kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Text with its parameters, before the reader's language is known.

    `when` is shown in the reader's own zone; an empty `actor` reads as "someone".
    """

    text: Text
    words: Mapping[str, str] = field(default_factory=dict)
    when: datetime | None = None


def language(locale: str) -> str:
    """Return the language of texts for a BCP 47 tag: Chinese for any `zh`, else English."""
    return _ZH if locale.lower().partition("-")[0] == "zh" else _EN


def render(wording: Wording, *, locale: str, zone: ZoneInfo) -> str:
    """Return a text for a reader of that language in that zone."""
    words = dict(wording.words)
    if not words.get("actor"):
        words["actor"] = SOMEONE.to(locale)
    if wording.when is not None:
        words["when"] = wording.when.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    return wording.text.to(locale).format_map(words)


def excerpt(text: str, *, limit: int = EXCERPT_CHARACTERS) -> str:
    """Return the beginning of a text on one line, with an ellipsis where something is left out."""
    # Four times the limit is enough: only white space is shortened, never visible text.
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit and len(text) <= limit * 4 else f"{line[: limit - 1]}…"
