from datetime import UTC, datetime, timedelta

import pytest
from directory.domain import passwords
from directory.domain.passwords import Attempts, attempt_key
from plexuskit.errors import InvalidArgument

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)


def test_a_password_is_the_same_from_every_keyboard() -> None:
    assert passwords.normalise("ｐａｓｓ１２３４", field="password") == "pass1234"
    assert passwords.comparable("ｐａｓｓ１２３４") == "pass1234"


@pytest.mark.parametrize("password", ["", "1234567", "x" * 257])
def test_a_password_of_the_wrong_length_is_refused_without_showing_it(password: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        passwords.normalise(password, field="new_password")
    assert refused.value.metadata["field"] == "new_password"
    assert not password or password not in str(refused.value)


def test_a_password_longer_than_any_never_equals_its_beginning() -> None:
    longest = "x" * passwords.MOST_CHARACTERS
    assert passwords.comparable(longest + "y") != longest
    assert len(passwords.comparable("x" * 1_000_000)) == passwords.MOST_CHARACTERS + 1


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
    key = attempt_key(tenant_id="ten_1", handle="Zhang")
    assert key == attempt_key(tenant_id="ten_1", handle=" ｚｈａｎｇ ")
    assert key != attempt_key(tenant_id="ten_2", handle="Zhang")
    assert "zhang" not in key
