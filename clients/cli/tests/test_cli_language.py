"""Complete Chinese help, tables and errors for a Chinese locale."""

import re
from string import Formatter
from zoneinfo import ZoneInfo

import pytest
from plexus_cli import language
from plexus_cli.asked import asked
from plexus_cli.language import CATALOGUE, counted, is_chinese, tr
from plexus_cli.refusals import shown
from plexus_sdk import Refused

from .catalogue import of_help, of_refusals, of_sources, untranslatable

OF_THE_SDK = {
    "DEADLINE_EXCEEDED",
    "NAME_AMBIGUOUS",
    "NOT_SIGNED_IN",
    "PROFILE_NOT_FOUND",
    "SECOND_FACTOR_REQUIRED",
    "UNREACHABLE",
}
# A comma in a list of values is between English words.
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff][,;:!?()]|[,;:!?()][\u4e00-\u9fff]")


@pytest.fixture
def texts() -> dict[str, str]:
    import json  # noqa: PLC0415 - only here

    content: dict[str, str] = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return content


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    language.catalogue.cache_clear()
    monkeypatch.setattr(language.catalogue, "cache_clear", lambda: None, raising=False)


@pytest.fixture(autouse=True)
def forget_afterwards() -> object:
    clear = language.catalogue.cache_clear
    yield
    clear()


def test_every_text_is_translated_and_none_is_left_over(texts: dict[str, str]) -> None:
    wanted = of_sources() | of_help() | of_refusals() | OF_THE_SDK
    assert wanted - texts.keys() == set(), "add these to zh-CN.json"
    assert texts.keys() - wanted == set(), "these are used no more"


def test_no_text_is_shown_past_the_catalogue() -> None:
    assert untranslatable() == []


def test_a_translation_has_the_fields_of_its_text(texts: dict[str, str]) -> None:
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    of_texts = {key: value for key, value in texts.items() if key not in of_refusals() | OF_THE_SDK}
    assert [key for key, value in of_texts.items() if fields(key) != fields(value)] == []


def test_chinese_has_its_own_punctuation(texts: dict[str, str]) -> None:
    def prose(text: str) -> str:
        return re.sub(r"`[^`]*`|\{\w+\}", "", text)

    wrong = {
        key: found[0] for key, text in texts.items() if (found := HALF_WIDTH.search(prose(text)))
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "zh_CN.GBK"}, True),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "zh_CN.UTF-8"}, False),
        ({"LC_MESSAGES": "zh_CN.UTF-8", "LANG": "C.UTF-8"}, True),
        ({}, False),
    ],
    ids=str,
)
def test_the_locale_of_messages_chooses(
    variables: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_chinese() is expected


def test_english_has_two_forms_of_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    language.catalogue.cache_clear()
    assert counted(1, "{n} task", "{n} tasks") == "1 task"
    assert counted(0, "{n} task", "{n} tasks") == "0 tasks"


@pytest.mark.usefixtures("chinese")
def test_refusals_of_the_services_are_in_chinese_with_their_facts() -> None:
    assert counted(2, "{n} task", "{n} tasks") == "2 项任务"
    assert tr("Saved.") == "已保存。"
    refused = Refused(
        "The handle bo is taken. Choose another one.",
        reason="HANDLE_TAKEN",
        domain="plexus.directory",
        metadata={"handle": "bo"},
    )
    assert shown(refused) == "用户名 bo 已被使用。请换一个。"
    unknown = Refused("Something new.", reason="BRAND_NEW", domain="plexus.directory")
    assert shown(unknown) == "Something new."


@pytest.mark.parametrize("locale", ["en_US.UTF-8", "zh_CN.UTF-8"])
def test_a_refusal_names_its_time_in_the_users_zone(
    monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    monkeypatch.setattr(asked, "zone", ZoneInfo("Asia/Shanghai"))
    instant = "2026-12-01T03:48:27.440+00:00"
    refused = Refused(
        f"What was before {instant} is not known; ask about that time or later.",
        reason="TIME_TOO_EARLY",
        domain="plexus.audit",
        metadata={"begins_at": instant},
    )
    assert "2026-12-01 11:48 Asia/Shanghai" in shown(refused)
    assert instant not in shown(refused)
