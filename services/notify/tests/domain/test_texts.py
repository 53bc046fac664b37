import string
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notify.domain.mails import compose
from notify.domain.notifications import Delivery, Notification, Source
from notify.domain.outcomes import Reason, State
from notify.domain.people import locale_of, zone_of
from notify.domain.wording import SHARED, Text, Wording, excerpt, language, render
from notify.kinds import KINDS, mention, task_due
from plexuskit.errors import InvalidArgument

NOW = datetime(2036, 3, 3, 4, tzinfo=UTC)


def notification(**fields: Any) -> Notification:
    delivery = Delivery(id="dlv_2", state=State.PENDING, reason=Reason.QUEUED, at=NOW)
    fields = {"title": "Ann 提到了你", "body": "<b>合同</b> & more"} | fields
    return Notification(
        id="ntf_1",
        tenant_id="ten_a",
        person_id="per_bo",
        kind=mention.KIND,
        source=Source(kind="message", id="msg_1", actor_id="per_ann"),
        step="",
        event_id="evt_1",
        created_at=NOW,
        read=False,
        in_app=delivery,
        email=delivery,
        **fields,
    )


def every_text() -> list[Text]:
    hidden = [kind.hidden for kind in KINDS if kind.hidden]
    return [*SHARED, *hidden, *(text for kind in KINDS for text in kind.texts.values())]


def test_every_text_is_there_in_both_languages_with_the_same_words() -> None:
    for text in every_text():
        assert text.zh, text
        assert text.en, text
        words = [
            {field for _, field, _, _ in string.Formatter().parse(each) if field}
            for each in (text.zh, text.en)
        ]
        assert words[0] == words[1], text


@pytest.mark.parametrize(
    ("locale", "expected"),
    [("zh-CN", "zh-CN"), ("zh-Hant-TW", "zh-CN"), ("en-GB", "en"), ("de", "en")],
)
def test_other_locales_read_the_nearest_language(locale: str, expected: str) -> None:
    assert language(locale) == expected


def test_somebody_unknown_is_written_to_in_chinese_at_shanghais_time() -> None:
    assert locale_of(None) == "zh-CN"
    assert zone_of(None) == ZoneInfo("Asia/Shanghai")
    assert zone_of(None, chosen="Mars/Olympus") == ZoneInfo("Asia/Shanghai")


def test_a_time_is_shown_in_the_readers_zone_and_an_unknown_actor_as_somebody() -> None:
    due = Wording(text=task_due.KIND.texts["due"], words={"key": "T-1"}, when=NOW)
    assert render(due, locale="en", zone=ZoneInfo("Europe/Berlin")) == (
        "Task T-1 is due 2036-03-03 05:00"
    )
    nameless = Wording(text=mention.KIND.texts["person_nowhere"], words={"actor": ""})
    assert render(nameless, locale="zh-CN", zone=ZoneInfo("UTC")) == "有人 提到了你"


def test_names_with_braces_are_words_and_not_fields() -> None:
    words = {"actor": "{0} {actor}", "conversation": "{x}"}
    odd = Wording(text=mention.KIND.texts["person"], words=words)
    assert render(odd, locale="en", zone=ZoneInfo("UTC")) == "{0} {actor} mentioned you in {x}"


@given(st.text(max_size=2000))
def test_an_excerpt_is_short_and_on_one_line(text: str) -> None:
    short = excerpt(text)
    assert len(short) <= 200
    assert len(short.splitlines()) <= 1
    if len(text) <= 200:
        assert short == " ".join(text.split())


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert excerpt("字" * 150_000) == "字" * 199 + "…"


@given(
    title=st.text(st.characters(codec="utf-8"), min_size=1, max_size=300),
    name=st.text(st.characters(codec="utf-8"), max_size=60),
)
def test_no_title_or_name_can_write_a_header_of_its_own(title: str, name: str) -> None:
    from notify.domain.people import Person  # noqa: PLC0415 - fixtures do not mix with given

    person = Person(
        id="per_bo",
        tenant_id="ten_a",
        display_name=name,
        email="bo@example.com",
        time_zone="",
        locale="en",
        active=True,
        is_app=False,
        version=1,
    )
    mail = compose(
        notification(title=f"{title}\r\nBcc: all@example.com"),
        person=person,
        sender="plexus@example.com",
        content=True,
        at=NOW,
    )
    parsed = message_from_bytes(mail.message.as_bytes(), policy=policy.default)
    assert parsed["Bcc"] is None
    assert [str(each.addr_spec) for each in parsed["To"].addresses] == ["bo@example.com"]


def test_a_mail_is_plain_text_and_html_in_utf8(person: Callable[..., Any]) -> None:
    mail = compose(
        notification(),
        person=person(),
        sender="Plexus 通知 <plexus@example.com>",
        content=True,
        at=NOW,
    )
    raw = mail.message.as_bytes()
    assert raw.isascii(), "fit for servers without 8BITMIME"
    parsed: Any = message_from_bytes(raw, policy=policy.default)
    plain, page = parsed.get_body(("plain",)), parsed.get_body(("html",))
    assert (plain.get_content_charset(), page.get_content_charset()) == ("utf-8", "utf-8")
    assert "<b>合同</b> & more" in plain.get_content()
    assert "&lt;b&gt;合同&lt;/b&gt; &amp; more" in page.get_content()
    assert parsed["From"].addresses[0].display_name == "Plexus 通知"
    assert (mail.recipient, mail.message_id) == ("bo@example.com", "<dlv_2@example.com>")


INJECTED = "Ann\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script>\u202egpj"


def test_what_people_wrote_is_neither_header_nor_markup_of_a_mail(
    person: Callable[..., Any],
) -> None:
    body = "<script>x</script> <a href='javascript:alert(1)'>x</a> javascript:y\r\nBcc: b@c"
    mail = compose(
        notification(title=INJECTED, body=body),
        person=person(display_name=INJECTED),
        sender="plexus@example.com",
        content=True,
        at=NOW,
    )
    parsed: Any = message_from_bytes(mail.message.as_bytes(), policy=policy.default)
    page = parsed.get_body(("html",)).get_content()

    assert parsed["Bcc"] is None
    assert "\u202e" not in parsed["Subject"] + str(parsed["To"])
    assert [each.addr_spec for each in parsed["To"].addresses] == [mail.recipient]
    assert "<script" not in page
    assert "<a " not in page
    assert "&lt;a href=&#x27;javascript:alert(1)&#x27;&gt;" in page


def test_ntf_02_every_attempt_has_the_same_headers(person: Callable[..., Any]) -> None:
    def headers() -> list[tuple[str, str]]:
        mail = compose(
            notification(), person=person(), sender="plexus@example.com", content=True, at=NOW
        )
        return [
            (name, str(value)) for name, value in mail.message.items() if name != "Content-Type"
        ]

    assert headers() == headers()


def test_an_address_that_is_none_is_refused(person: Callable[..., Any]) -> None:
    with pytest.raises(InvalidArgument):
        compose(
            notification(), person=person(email="@"), sender="p@example.com", content=True, at=NOW
        )
