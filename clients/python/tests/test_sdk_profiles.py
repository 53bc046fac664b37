"""The credentials file: readable by its owner only, one writer at a time."""

import multiprocessing
import os
import stat
import threading
from pathlib import Path

import pytest
from plexus_sdk import Profile, Profiles, Refused


def profile(name: str, **changed: object) -> Profile:
    fields: dict[str, object] = {
        "name": name,
        "url": "127.0.0.1:1",
        "person_id": f"per_{name}",
        "handle": name,
        "access_token": "access",
        "access_expires_at": 10.0,
        "refresh_token": "refresh",
        "session_id": "ses_1",
    }
    return Profile(**{**fields, **changed})


@pytest.fixture
def profiles(tmp_path: Path) -> Profiles:
    return Profiles(tmp_path / "deep" / "credentials.json")


def test_the_file_and_its_folder_are_for_their_owner_alone(profiles: Profiles) -> None:
    before = os.umask(0)
    try:
        profiles.save(profile("ann"), default=False)
        profiles.renew(profile("ann"), access_token="new")
    finally:
        os.umask(before)

    assert stat.S_IMODE(profiles.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(profiles.path.parent.stat().st_mode) == 0o700
    left = {path.name for path in profiles.path.parent.iterdir()}
    assert left == {"credentials.json", "credentials.lock"}, "no temporary file stays"


def test_the_first_profile_is_the_default_until_another_is_made_it(profiles: Profiles) -> None:
    profiles.save(profile("ann"), default=False)
    profiles.save(profile("bob"), default=False)
    assert profiles.find(None).name == "ann"
    assert profiles.find("bob").name == "bob"

    profiles.save(profile("chen"), default=True)
    assert profiles.names() == ["chen", "ann", "bob"]

    profiles.forget("chen")
    assert profiles.find(None).name == "ann"
    profiles.forget("ann")
    profiles.forget("bob")
    profiles.forget("nobody")
    assert profiles.names() == []


def test_who_is_not_signed_in_is_told_how(profiles: Profiles) -> None:
    with pytest.raises(Refused, match="plexus login"):
        profiles.find(None)
    profiles.save(profile("ann"), default=False)
    with pytest.raises(Refused, match="as bob"):
        profiles.find("bob")


@pytest.mark.parametrize("content", ["", "{", '{"profiles": {"ann": {}}}', "[]"])
def test_a_damaged_file_is_refused_by_name_and_never_overwritten(
    profiles: Profiles, content: str
) -> None:
    profiles.path.parent.mkdir()
    profiles.path.write_text(content)
    with pytest.raises(Refused, match=r"credentials\.json"):
        profiles.save(profile("ann"), default=True)
    assert profiles.path.read_text() == content


def test_renewed_tokens_replace_the_old_and_leave_the_others_alone(profiles: Profiles) -> None:
    profiles.save(profile("ann"), default=False)
    profiles.save(profile("bob"), default=False)
    with profiles.locked():
        renewed = profiles.renew(profiles.find("ann"), access_token="a2", refresh_token="r2")

    assert renewed == profile("ann", access_token="a2", refresh_token="r2")
    assert profiles.find("ann") == renewed
    assert profiles.find("bob") == profile("bob")


def test_the_lock_lets_one_in_at_a_time(profiles: Profiles) -> None:
    entered = threading.Event()

    def enter() -> None:
        with Profiles(profiles.path).locked():
            entered.set()

    other = threading.Thread(target=enter)
    with profiles.locked():
        other.start()
        assert not entered.wait(0.2)
    other.join(5)
    assert entered.is_set()


def _save(path: Path, name: str) -> None:
    Profiles(path).save(profile(name), default=False)


def test_processes_that_sign_in_at_once_lose_nobody(profiles: Profiles) -> None:
    names = [f"person{number}" for number in range(8)]
    started = multiprocessing.get_context("spawn")
    with started.Pool(2) as pool:
        pool.starmap(_save, [(profiles.path, name) for name in names])
    assert sorted(profiles.names()) == names


def test_the_place_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLEXUS_CREDENTIALS", str(tmp_path / "mine.json"))
    assert Profiles().path == tmp_path / "mine.json"
    monkeypatch.delenv("PLEXUS_CREDENTIALS")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PLEXUS_HOME", str(tmp_path))
    assert Profiles().path == tmp_path / "plexus/credentials.json"


def test_a_demo_keeps_its_own_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PLEXUS_CREDENTIALS", raising=False)
    monkeypatch.delenv("PLEXUS_HOME", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "of_user"))
    own = tmp_path / "checkout/.plexus/credentials.json"
    own.parent.mkdir(parents=True)
    own.write_text("{}")
    inside, beside = tmp_path / "checkout/docs", tmp_path / "other"
    inside.mkdir()
    beside.mkdir()
    monkeypatch.chdir(inside)
    assert Profiles().path == own
    monkeypatch.chdir(beside)
    assert Profiles().path == tmp_path / "of_user/plexus/credentials.json"
