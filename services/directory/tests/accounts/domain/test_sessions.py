from datetime import UTC, datetime, timedelta

import pytest
from directory.accounts.domain import sessions
from directory.accounts.domain.refusals import RefreshRefused, RefreshReused
from directory.accounts.domain.sessions import EndCause, RefreshToken, Session
from directory.shared.domain.ids import PersonId, SessionId, TenantId

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def token(number: int) -> RefreshToken:
    return RefreshToken(family=b"f" * 16, secret=bytes([number]) * 32)


def started() -> Session:
    return sessions.start(
        session_id=SessionId("ses_1"),
        tenant_id=TenantId("ten_1"),
        person_id=PersonId("per_1"),
        device="  cli \n on host ",
        methods=("pwd",),
        single_sign_on="",
        token=token(1),
        now=NOW,
    )


def refreshed(session: Session, used: int, following: int, *, at: datetime) -> Session:
    return sessions.refresh(session, token(used), successor=token(following).secret_hash, now=at)


def test_a_token_survives_its_text() -> None:
    assert sessions.parse(token(7).value) == token(7)
    assert len(token(7).value) == 64


def test_the_cache_key_is_that_of_the_session_and_tells_nothing_of_its_tokens() -> None:
    key = token(1).cache_key
    assert key == token(2).cache_key
    assert len(key) == 32
    assert key != token(1).family_hash
    other = RefreshToken(family=b"g" * 16, secret=bytes([1]) * 32)
    assert other.cache_key != key


@pytest.mark.parametrize("text", ["", "x", "é" * 64, "!" * 64, "A" * 60, "A" * 68])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(RefreshRefused):
        sessions.parse(text)


def test_nothing_shows_a_token_or_its_hash() -> None:
    shown = repr(token(1)) + repr(started())
    assert "\\x01" not in shown
    assert "hash" not in shown


def test_a_session_lives_30_days_after_its_last_refresh() -> None:
    session = refreshed(started(), 1, 2, at=NOW + timedelta(days=29))
    assert session.alive(now=NOW + timedelta(days=58))
    with pytest.raises(RefreshRefused):
        refreshed(session, 2, 3, at=NOW + timedelta(days=59))


def test_a_spent_token_is_a_replay() -> None:
    session = refreshed(started(), 1, 2, at=NOW)
    with pytest.raises(RefreshReused):
        refreshed(session, 1, 3, at=NOW + 301 * SECOND)


def test_a_client_without_an_answer_may_ask_again_within_5_minutes() -> None:
    session = refreshed(started(), 1, 2, at=NOW)
    session = refreshed(session, 1, 3, at=NOW + 300 * SECOND)
    # Either answer may be the one that arrived.
    assert refreshed(session, 2, 4, at=NOW + 900 * SECOND).live == (token(4).secret_hash,)
    assert refreshed(session, 3, 4, at=NOW + 900 * SECOND).live == (token(4).secret_hash,)


def test_using_one_sibling_spends_the_others() -> None:
    session = refreshed(started(), 1, 2, at=NOW)
    session = refreshed(session, 1, 3, at=NOW + SECOND)
    session = refreshed(session, 3, 4, at=NOW + 2 * SECOND)
    with pytest.raises(RefreshReused):
        refreshed(session, 2, 5, at=NOW + 3 * SECOND)


def test_asking_again_ends_once_a_successor_was_used() -> None:
    session = refreshed(started(), 1, 2, at=NOW)
    session = refreshed(session, 2, 3, at=NOW + SECOND)
    with pytest.raises(RefreshReused):
        refreshed(session, 1, 4, at=NOW + 2 * SECOND)


def test_asking_again_has_a_bound() -> None:
    session = refreshed(started(), 1, 2, at=NOW)
    session = refreshed(session, 1, 3, at=NOW)
    session = refreshed(session, 1, 4, at=NOW)
    with pytest.raises(RefreshReused):
        refreshed(session, 1, 5, at=NOW)


def test_repeating_does_not_move_the_window() -> None:
    session = refreshed(started(), 1, 2, at=NOW)
    session = refreshed(session, 1, 3, at=NOW + 299 * SECOND)
    with pytest.raises(RefreshReused):
        refreshed(session, 1, 4, at=NOW + 301 * SECOND)


def test_an_ended_session_refreshes_nothing_and_ends_once() -> None:
    ended = sessions.end(started(), cause=EndCause.SIGNED_OUT, now=NOW)
    with pytest.raises(RefreshRefused):
        refreshed(ended, 1, 2, at=NOW)
    assert sessions.end(ended, cause=EndCause.PERSON_DEACTIVATED, now=NOW + SECOND) is ended


def test_every_change_counts_the_version_up() -> None:
    session = refreshed(started(), 1, 2, at=NOW)
    assert session.version == 2
    assert sessions.end(session, cause=EndCause.SIGNED_OUT, now=NOW).version == 3


def test_the_device_is_one_short_line() -> None:
    assert started().device == "cli on host"
