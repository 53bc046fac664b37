"""Signing keys: published before they sign, rotated without sign-out or restart (GW-1)."""

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from directory.accounts.domain import sessions
from directory.accounts.domain.sessions import RefreshToken
from directory.accounts.operations.signing_keys import KeyRing
from directory.accounts.store import SigningKeys, UnusableKeys, load_or_create, rotate
from directory.accounts.store.signing_keys import KEPT_AFTER_SIGNING, SIGNS_AFTER
from directory.people.domain import people, tenants
from directory.people.domain.people import Draft
from directory.shared.domain.ids import PersonId, SessionId, TenantId
from directory.sign_in.operations.access_tokens import EdDSA, TokenIssuer
from joserfc import jwt
from joserfc.jwk import KeySet
from plexus_testkit import FrozenClock

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def token_of(issuer: TokenIssuer, *, now: datetime) -> str:
    refresh = RefreshToken(family=bytes(16), secret=bytes(32))
    tenant = tenants.create(
        tenant_id=TenantId("ten_1"), name="北方贸易", time_zone="Asia/Shanghai", now=now
    )
    person = people.create(
        Draft(handle="li", display_name="李雷"),
        person_id=PersonId("per_1"),
        tenant=tenant,
        now=now,
    )
    session = sessions.start(
        session_id=SessionId("ses_1"),
        tenant_id=tenant.id,
        person_id=person.id,
        device="",
        methods=("pwd",),
        single_sign_on="",
        token=refresh,
        generation=0,
        now=now,
    )
    issued = issuer.issue(
        person=person, session=session, refresh=refresh, scopes=frozenset(), now=now
    )
    return issued.access_token


def published(keys: SigningKeys | KeyRing) -> list[str]:
    return [key["kid"] for key in json.loads(keys.public_jwks())["keys"]]


def test_keys_are_made_once_by_however_many_starts(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.json"
    with ThreadPoolExecutor(8) as starts:
        made = list(starts.map(lambda _: load_or_create(path, now=NOW), range(8)))
    assert len({keys.signing(now=NOW).kid for keys in made}) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_gw_01_a_new_key_is_published_at_once_and_signs_when_every_gateway_knows_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "keys.json"
    (first,) = published(load_or_create(path, now=NOW))
    rotated_at = NOW + timedelta(days=90)
    keys = rotate(path, now=rotated_at)
    old, new = published(keys)
    assert old == first
    assert keys.signing(now=rotated_at).kid == old
    assert keys.signing(now=rotated_at + SIGNS_AFTER - SECOND).kid == old
    assert keys.signing(now=rotated_at + SIGNS_AFTER).kid == new
    # Longer than gateways take to ask again, with time for the file to reach every replica.
    assert timedelta(minutes=5) < SIGNS_AFTER


def test_gw_01_an_old_key_stays_published_while_a_token_of_it_can_live(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    load_or_create(path, now=NOW)
    first, second = published(rotate(path, now=NOW + timedelta(hours=1)))
    superseded_at = NOW + timedelta(hours=1) + SIGNS_AFTER
    early = rotate(path, now=superseded_at + KEPT_AFTER_SIGNING - SECOND)
    assert published(early)[:2] == [first, second]
    late = rotate(path, now=superseded_at + KEPT_AFTER_SIGNING)
    assert first not in published(late)
    assert second in published(late)
    assert timedelta(minutes=15) <= KEPT_AFTER_SIGNING


def test_gw_01_the_only_key_that_is_left_signs_at_once(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    load_or_create(path, now=NOW)
    keys = rotate(path, now=NOW)
    # The old one was stolen: the operator removes it.
    entries = json.loads(path.read_text())["keys"]
    path.write_text(json.dumps({"keys": entries[1:]}))
    left = load_or_create(path, now=NOW)
    assert left.signing(now=NOW).kid == published(keys)[1]


def test_gw_01_a_running_process_follows_the_file(tmp_path: Path, clock: FrozenClock) -> None:
    path = tmp_path / "keys.json"
    ring = KeyRing(path, clock=clock)
    issuer = TokenIssuer(ring)
    before = token_of(issuer, now=clock.now())
    rotate(path, now=clock.now())
    old, new = published(ring)

    during = token_of(issuer, now=clock.now())
    clock.advance(SIGNS_AFTER)
    after = token_of(issuer, now=clock.now())

    keys = KeySet.import_key_set(json.loads(issuer.public_jwks))
    tokens = [jwt.decode(token, keys, registry=EdDSA()) for token in (before, during, after)]
    assert [token.header["kid"] for token in tokens] == [old, old, new]


@pytest.mark.parametrize("spoilt", ["", "{}", None])
def test_a_file_that_became_unusable_leaves_the_keys_in_use(
    tmp_path: Path, clock: FrozenClock, spoilt: str | None
) -> None:
    path = tmp_path / "keys.json"
    ring = KeyRing(path, clock=clock)
    before = published(ring)
    if spoilt is None:
        path.unlink()
    else:
        path.write_text(spoilt)
        os.utime(path, ns=(1, 1))
    assert published(ring) == before
    # Nor is it made anew: that would end every session.
    assert path.exists() == (spoilt is not None)

    load_or_create(tmp_path / "other.json", now=clock.now())
    (tmp_path / "other.json").replace(path)
    assert published(ring) != before


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"keys": []}',
        '{"keys": [{"made_at": 1}]}',
        '{"keys": [{"made_at": 1, "kty": "OKP", "crv": "Ed25519", "x": "c2VjcmV0"}]}',
    ],
)
def test_a_broken_keys_file_stops_the_start_and_shows_nothing(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(UnusableKeys) as raised:
        load_or_create(path, now=NOW)
    assert "c2VjcmV0" not in str(raised.value)
    assert path.read_text() == content
