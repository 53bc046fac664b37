import contextlib
import time
from datetime import UTC, datetime, timedelta

import pytest
from directory.accounts.domain import passwords
from directory.accounts.domain.passwords import Attempts, attempt_key
from hypothesis import given
from hypothesis import strategies as st
from plexuskit.errors import InvalidArgument

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
HERE = "network:192.0.2.7/32"


def test_a_password_is_the_same_from_every_keyboard() -> None:
    typed = "ｌｉｌａ horse １２３４"
    assert passwords.normalise(typed, field="password", about=()) == "lila horse 1234"
    assert passwords.comparable(typed) == "lila horse 1234"


@pytest.mark.parametrize("password", ["", "1234567", "x" * 257])
def test_a_password_of_the_wrong_length_is_refused_without_showing_it(password: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        passwords.normalise(password, field="new_password", about=())
    assert refused.value.metadata["field"] == "new_password"
    assert not password or password not in str(refused.value)


def test_a_password_longer_than_any_never_equals_its_beginning() -> None:
    longest = "x" * passwords.MAX_CHARACTERS
    assert passwords.comparable(longest + "y") != longest
    assert len(passwords.comparable("x" * 1_000_000)) == passwords.MAX_CHARACTERS + 1


def test_the_first_four_failures_lock_nothing() -> None:
    attempts = None
    for _ in range(4):
        attempts = passwords.count(attempts, now=NOW)
        assert passwords.locked_for(attempts, now=NOW) is None


def test_the_lock_starts_at_the_fifth_failure_doubles_and_has_an_end() -> None:
    attempts = Attempts(failures=4, locked_until=None)
    locks = []
    for _ in range(12):
        attempts = passwords.count(attempts, now=NOW)
        locks.append(passwords.locked_for(attempts, now=NOW))
    assert locks[:5] == [timedelta(seconds=s) for s in (30, 60, 120, 240, 480)]
    assert set(locks[5:]) == {timedelta(minutes=15)}


def test_a_lock_is_over_at_its_end() -> None:
    attempts = Attempts(failures=5, locked_until=NOW + timedelta(seconds=30))
    assert passwords.locked_for(attempts, now=NOW + timedelta(seconds=30)) is None


def test_gw_2_attempts_are_counted_by_what_was_meant_and_not_by_how_it_was_typed() -> None:
    key = attempt_key(tenant_id="ten_1", handle="Zhang", source=HERE)
    assert key == attempt_key(tenant_id="ten_1", handle=" ｚｈａｎｇ ", source=HERE)
    assert key != attempt_key(tenant_id="ten_2", handle="Zhang", source=HERE)
    assert key != attempt_key(tenant_id="ten_1", handle="Zhang", source="network:there")
    assert "zhang" not in key


@pytest.mark.rule("GW-13")
@pytest.mark.parametrize(
    "password",
    [
        "12345678", "password", "Passw0rd!", "        ", "aaaaaaaaaaaa", "qwertyuiop", "1qaz2wsx",
        "woaini1314", "5201314520", "woaini520", "WoAiNi@1314", "zhangwei1990", "Wangfang2020!",
        "1990zhangwei", "lixiaoming123", "nihao12345", "iloveyou1", "aa123456", "qwer1234",
        "a" * 200, "ab" * 100,
    ],
)  # fmt: skip
def test_gw_13_passwords_that_are_tried_first_are_refused(password: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        passwords.normalise(password, field="new_password", about=())

    assert "easily guessed" in str(refused.value)
    assert refused.value.metadata["field"] == "new_password"


@pytest.mark.rule("GW-13")
@pytest.mark.parametrize(
    "password", ["linwei-plexus", "lin.wei.2026", "Plexus2026!", "linwei@2026"]
)
def test_gw_13_passwords_made_of_the_person_and_the_company_are_refused(password: str) -> None:
    with pytest.raises(InvalidArgument):
        passwords.normalise(password, field="password", about=("lin.wei", "林薇", "Plexus"))


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery", "2aQTtjAHn25P", "jinse-hetang-88", "我家门前有棵歪脖子枣树",
        "tall green stapler", "x7!kQ9#mZ2", "any passphrase " * 10,
    ],
)  # fmt: skip
def test_other_passwords_are_taken(password: str) -> None:
    assert passwords.normalise(password, field="password", about=("lin.wei",))


@given(st.text(max_size=300))
def test_any_text_is_judged_without_an_error_and_in_bounded_time(password: str) -> None:
    began = time.thread_time()
    with contextlib.suppress(InvalidArgument):
        passwords.normalise(password, field="password", about=("lin.wei",))
    assert time.thread_time() - began < 1
