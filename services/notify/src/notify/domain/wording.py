"""Every text that a person reads: one catalogue, Chinese first, English second."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

EXCERPT_CHARACTERS: Final = 200

_ZH: Final = "zh-CN"
_EN: Final = "en"

CATALOGUE: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "mention": {
            _ZH: "{actor} 在「{conversation}」中提到了你",
            _EN: "{actor} mentioned you in {conversation}",
        },
        "mention_nowhere": {_ZH: "{actor} 提到了你", _EN: "{actor} mentioned you"},
        "mention_all": {
            _ZH: "{actor} 在「{conversation}」中提到了所有人",
            _EN: "{actor} mentioned everyone in {conversation}",
        },
        "mention_all_nowhere": {_ZH: "{actor} 提到了所有人", _EN: "{actor} mentioned everyone"},
        "mention_department": {
            _ZH: "{actor} 在「{conversation}」中提到了你的部门",
            _EN: "{actor} mentioned your department in {conversation}",
        },
        "mention_department_nowhere": {
            _ZH: "{actor} 提到了你的部门",
            _EN: "{actor} mentioned your department",
        },
        "direct_message": {_ZH: "{actor} 给你发来消息", _EN: "New message from {actor}"},
        "task_assigned": {
            _ZH: "{actor} 把任务 {key} 指派给你",
            _EN: "{actor} assigned task {key} to you",
        },
        "task_due": {_ZH: "任务 {key} 将于 {when} 到期", _EN: "Task {key} is due {when}"},
        "task_overdue": {_ZH: "任务 {key} 已逾期", _EN: "Task {key} is overdue"},
        "feed_stopped": {
            _ZH: "人员同步已暂停: 停用人数超过每日上限",
            _EN: "The HR feed has stopped: it would deactivate more people than a day allows",
        },
        "feed_waits": {
            _ZH: "24 小时内已停用 {deactivated} 人, 上限为 {allowed} 人, 其余等待处理。"
            "请运行 plexus admin feed status 查看, 然后批准 (approve) 或放弃 (drop)。",
            _EN: "{deactivated} of {allowed} deactivations in 24 hours; others wait. "
            "Run plexus admin feed status, then approve or drop them.",
        },
        "recalled": {_ZH: "消息已撤回", _EN: "The message was recalled"},
        "attachment": {_ZH: "[附件]", _EN: "[Attachment]"},
        "someone": {_ZH: "有人", _EN: "Someone"},
        "mention_hidden": {_ZH: "有人提到了你", _EN: "Someone mentioned you"},
        "direct_message_hidden": {_ZH: "你有一条新消息", _EN: "You have a new message"},
        "task_assigned_hidden": {_ZH: "有任务指派给你", _EN: "A task was assigned to you"},
        "task_due_hidden": {_ZH: "有任务到期", _EN: "A task is due"},
        "mail_silent_title": {_ZH: "你有一条新消息", _EN: "You have a new message"},
        "mail_silent_body": {
            _ZH: "请打开 Plexus 查看。",
            _EN: "Open Plexus to read it.",
        },
        "mail_footer": {
            _ZH: "此邮件由 Plexus 自动发送, 请勿回复。可在 Plexus 的通知设置中选择接收哪些邮件。",
            _EN: "Plexus sent this by itself; replies are not read. "
            "Choose in your notification preferences what to receive by e-mail.",
        },
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What to say, before it is known in which language: an entry of the catalogue and its words.

    `when` is shown in the reader's own zone; an empty `actor` reads as somebody.
    """

    text: str
    words: Mapping[str, str] = field(default_factory=dict)
    when: datetime | None = None


def language(locale: str) -> str:
    """Return the catalogue's language for a BCP 47 tag: Chinese for any `zh`, else English."""
    return _ZH if locale.lower().partition("-")[0] == "zh" else _EN


def say(text: str, *, locale: str) -> str:
    """Return an entry of the catalogue that has no words to fill in."""
    return CATALOGUE[text][language(locale)]


def neutral(kind: str, *, locale: str) -> str:
    """Return a title for a kind of notification that names nobody and nothing."""
    return say(f"{kind}_hidden", locale=locale)


def render(wording: Wording, *, locale: str, zone: ZoneInfo) -> str:
    """Return what to say to a reader of that language in that zone."""
    words = dict(wording.words)
    if not words.get("actor"):
        words["actor"] = say("someone", locale=locale)
    if wording.when is not None:
        words["when"] = wording.when.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    return CATALOGUE[wording.text][language(locale)].format_map(words)


def excerpt(text: str, *, limit: int = EXCERPT_CHARACTERS) -> str:
    """Return the beginning of a text on one line, with an ellipsis where something is left out."""
    # Four times the limit holds enough: white space is at most folded, never what a person reads.
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit and len(text) <= limit * 4 else f"{line[: limit - 1]}…"
