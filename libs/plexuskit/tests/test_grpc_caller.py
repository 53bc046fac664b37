import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from plexus.authz.v1.caller_pb2 import CallerContext, SignedCaller
from plexus_testkit.clock import FrozenClock
from plexuskit.config import CallerSection
from plexuskit.errors import Refusal
from plexuskit.grpc import (
    Actor,
    CallerContextExpired,
    CallerContextInvalid,
    CallerContextMissing,
    CallerSigner,
    CallerTokens,
    CallerVerifier,
    Unauthenticated,
    UnusableKeys,
    actor,
    actor_of,
    caller,
    generate_keys,
)
from plexuskit.grpc.keys import CallerKeys

KeysOf = Callable[[str], CallerSection]
SERVICES = ["gateway", "tasks", "search"]


def write(folder: Path, keys: dict[str, dict[str, Any]]) -> KeysOf:
    folder.mkdir(exist_ok=True)
    for name, content in keys.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return lambda name: CallerSection(keys_file=folder / f"{name}.json")


@pytest.fixture
def keys_of(tmp_path: Path) -> KeysOf:
    return write(tmp_path, generate_keys(SERVICES))


@pytest.fixture
def verifier(keys_of: KeysOf, clock: FrozenClock) -> CallerVerifier:
    return CallerVerifier(keys_of("tasks"), "tasks", clock=clock)


def millis(clock: FrozenClock) -> int:
    return int(clock.now().timestamp() * 1000)


def person(clock: FrozenClock, **changes: Any) -> CallerContext:
    fields: dict[str, Any] = {
        "kind": CallerContext.KIND_PERSON,
        "tenant_id": "ten_1",
        "person_id": "per_1",
        "session_id": "ses_1",
        "roles": ["member"],
        "service": "gateway",
        "audience": "tasks",
        "issued_at_ms": millis(clock),
        "expires_at_ms": millis(clock) + 60_000,
    }
    return CallerContext(**(fields | changes))


def service(clock: FrozenClock, **changes: Any) -> CallerContext:
    fields: dict[str, Any] = {
        "kind": CallerContext.KIND_SERVICE,
        "service": "search",
        "audience": "tasks",
        "issued_at_ms": millis(clock),
        "expires_at_ms": millis(clock) + 60_000,
    }
    return CallerContext(**(fields | changes))


def forged(section: CallerSection, context: CallerContext, *, key_id: str = "") -> bytes:
    """Sign any context with a real key, as a broken or taken-over service could."""
    own_id, key = CallerKeys.read(section.keys_file).private_key()
    signed = context.SerializeToString()
    return SignedCaller(
        context=signed,
        signature=key.sign(signed),
        key_id=key_id or own_id,
    ).SerializeToString()


def refusal_of(verifier: CallerVerifier, token: bytes) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        verifier.verify(token)
    assert caught.value.kind.name == "UNAUTHENTICATED"
    return caught.value.reason, caught.value.metadata.get("problem", "")


def test_each_service_gets_its_own_private_key_and_all_public_ones() -> None:
    keys = generate_keys(SERVICES)

    assert list(keys) == SERVICES
    assert [keys[name]["signing"]["id"] for name in SERVICES] == SERVICES
    assert len({keys[name]["signing"]["private"] for name in SERVICES}) == 3
    assert all(set(keys[name]["verifying"]) == set(SERVICES) for name in SERVICES)


def test_gw_01_what_the_gateway_signs_for_a_person_is_accepted(
    keys_of: KeysOf, verifier: CallerVerifier, clock: FrozenClock
) -> None:
    context = person(clock)

    verified = verifier.verify(CallerSigner(keys_of("gateway")).sign(context))

    assert verified == context
    assert actor_of(verified) == Actor(
        tenant_id="ten_1",
        person_id="per_1",
        session_id="ses_1",
        roles=frozenset({"member"}),
    )


def test_gw_01_a_service_signs_for_itself(
    keys_of: KeysOf, verifier: CallerVerifier, clock: FrozenClock
) -> None:
    verified = verifier.verify(CallerSigner(keys_of("search")).sign(service(clock)))

    assert verified.service == "search"
    with pytest.raises(Unauthenticated):
        actor_of(verified)


@pytest.mark.parametrize(
    ("signer", "changes", "problem"),
    [
        ("search", {"service": "search"}, "kind"),
        ("search", {}, "service"),
        (
            "search",
            {
                "kind": CallerContext.KIND_ANONYMOUS,
                "service": "search",
                "person_id": "",
                "tenant_id": "",
                "session_id": "",
            },
            "kind",
        ),
        ("search", {"kind": CallerContext.KIND_SERVICE, "service": "search"}, "person_id"),
        ("gateway", {"kind": CallerContext.KIND_UNSPECIFIED}, "kind"),
        ("gateway", {"person_id": ""}, "person_id"),
        ("gateway", {"tenant_id": ""}, "tenant_id"),
        ("gateway", {"audience": "search"}, "audience"),
        ("gateway", {"audience": ""}, "audience"),
    ],
)
def test_gw_01_a_context_that_its_signer_may_not_make_is_refused(
    keys_of: KeysOf,
    verifier: CallerVerifier,
    clock: FrozenClock,
    signer: str,
    changes: dict[str, Any],
    problem: str,
) -> None:
    token = forged(keys_of(signer), person(clock, **changes))

    assert refusal_of(verifier, token) == ("CALLER_CONTEXT_INVALID", problem)


def test_gw_01_a_signer_does_not_sign_what_nobody_would_accept(
    keys_of: KeysOf, clock: FrozenClock
) -> None:
    search, gateway = CallerSigner(keys_of("search")), CallerSigner(keys_of("gateway"))

    for signer, context in (
        (search, person(clock, service="search")),
        (search, service(clock, service="gateway")),
        (gateway, person(clock, expires_at_ms=millis(clock) + 60_001)),
        (gateway, person(clock, expires_at_ms=millis(clock))),
        (gateway, person(clock, audience="")),
    ):
        with pytest.raises(ValueError, match="not signed"):
            signer.sign(context)


def test_gw_01_bytes_that_are_no_signed_context_are_refused(
    keys_of: KeysOf, verifier: CallerVerifier, clock: FrozenClock, tmp_path: Path
) -> None:
    stranger = write(tmp_path / "other", generate_keys(["gateway"]))("gateway")
    good = SignedCaller.FromString(CallerSigner(keys_of("gateway")).sign(person(clock)))
    changed = SignedCaller(
        context=person(clock, person_id="per_2").SerializeToString(),
        signature=good.signature,
        key_id=good.key_id,
    )

    invalid = "CALLER_CONTEXT_INVALID"
    assert refusal_of(verifier, b"") == ("CALLER_CONTEXT_MISSING", "")
    assert refusal_of(verifier, b"\xff\xff") == (invalid, "encoding")
    assert refusal_of(verifier, b"\x0a" * 10_000) == (invalid, "size")
    assert refusal_of(verifier, forged(stranger, person(clock))) == (invalid, "signature")
    assert refusal_of(verifier, changed.SerializeToString()) == (invalid, "signature")
    unknown = forged(keys_of("gateway"), person(clock), key_id="gateway@9")
    assert refusal_of(verifier, unknown) == (invalid, "key_id")
    borrowed = forged(keys_of("search"), person(clock), key_id="gateway")
    assert refusal_of(verifier, borrowed) == (invalid, "signature")


def test_gw_01_a_life_over_a_minute_is_refused_whoever_signed_it(
    keys_of: KeysOf, verifier: CallerVerifier, clock: FrozenClock
) -> None:
    token = forged(keys_of("gateway"), person(clock, expires_at_ms=millis(clock) + 60_001))

    assert refusal_of(verifier, token) == ("CALLER_CONTEXT_INVALID", "expires_at")


def test_gw_01_a_context_ends_with_its_life_also_when_it_was_verified_before(
    keys_of: KeysOf, verifier: CallerVerifier, clock: FrozenClock
) -> None:
    token = CallerSigner(keys_of("gateway")).sign(person(clock))
    verifier.verify(token)

    clock.advance(timedelta(milliseconds=59_999))
    assert verifier.verify(token).person_id == "per_1"
    clock.advance(timedelta(milliseconds=1))
    for _ in range(2):
        assert refusal_of(verifier, token) == ("CALLER_CONTEXT_EXPIRED", "")


def test_gw_01_a_signer_whose_clock_is_half_a_minute_ahead_is_still_understood(
    keys_of: KeysOf, verifier: CallerVerifier, clock: FrozenClock
) -> None:
    def issued_in(ahead_ms: int) -> bytes:
        at = millis(clock) + ahead_ms
        return forged(
            keys_of("gateway"),
            person(clock, issued_at_ms=at, expires_at_ms=at + 60_000),
        )

    assert verifier.verify(issued_in(30_000)).person_id == "per_1"
    assert refusal_of(verifier, issued_in(30_001)) == ("CALLER_CONTEXT_INVALID", "issued_at")


class CountingKey:
    """A public key that counts its uses."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.asked = 0

    def verify(self, signature: bytes, data: bytes) -> None:
        self.asked += 1
        self._key.verify(signature, data)


def test_the_same_bytes_are_verified_once_and_only_so_many_are_kept(
    keys_of: KeysOf, clock: FrozenClock
) -> None:
    verifier = CallerVerifier(keys_of("tasks"), "tasks", clock=clock, cached=2)
    key = CountingKey(verifier._keys["gateway"])
    verifier._keys["gateway"] = key
    signer = CallerSigner(keys_of("gateway"))
    first, second, third = (signer.sign(person(clock, person_id=f"per_{n}")) for n in range(3))

    for token in (first, first, second, first, second):
        verifier.verify(token)
    assert key.asked == 2

    verifier.verify(first)
    verifier.verify(third)  # puts out `second`, which was used longest ago
    verifier.verify(first)
    assert key.asked == 3
    verifier.verify(second)
    assert key.asked == 4
    assert len(verifier._verified) == 2


def test_refused_bytes_are_not_remembered(verifier: CallerVerifier) -> None:
    refusal_of(verifier, b"\xff\xff")

    assert not verifier._verified


def test_gw_01_old_and_new_keys_are_both_accepted_during_a_rotation(
    keys_of: KeysOf, clock: FrozenClock, tmp_path: Path
) -> None:
    old = CallerKeys.read(keys_of("gateway").keys_file)
    renewed = write(
        tmp_path / "renewed",
        generate_keys(SERVICES, generation="2", retiring=old.verifying),
    )
    verifier = CallerVerifier(renewed("tasks"), "tasks", clock=clock)
    before, after = CallerSigner(keys_of("gateway")), CallerSigner(renewed("gateway"))

    assert after.key_id == "gateway@2"
    assert verifier.verify(before.sign(person(clock))).person_id == "per_1"
    assert verifier.verify(after.sign(person(clock))).person_id == "per_1"
    with pytest.raises(CallerContextInvalid):
        CallerVerifier(keys_of("tasks"), "tasks", clock=clock).verify(after.sign(person(clock)))


def test_one_signed_context_per_audience_is_used_for_half_of_its_life(
    keys_of: KeysOf, verifier: CallerVerifier, clock: FrozenClock
) -> None:
    tokens = CallerTokens(
        CallerSigner(keys_of("gateway")),
        CallerContext(
            kind=CallerContext.KIND_PERSON,
            tenant_id="ten_1",
            person_id="per_1",
            session_id="ses_1",
        ),
        clock=clock,
    )
    first = tokens.for_audience("tasks")

    assert tokens.for_audience("search") != first
    clock.advance(timedelta(milliseconds=29_999))
    assert tokens.for_audience("tasks") == first
    clock.advance(timedelta(milliseconds=1))
    second = tokens.for_audience("tasks")
    assert second != first
    verified = verifier.verify(second)
    assert (verified.service, verified.audience) == ("gateway", "tasks")
    assert verified.expires_at_ms - verified.issued_at_ms == 60_000

    # A clock that is set back must not extend the life of earlier signatures.
    tokens._clock = FrozenClock(clock.now() - timedelta(seconds=10))
    assert tokens.for_audience("tasks") != second


def test_a_keys_file_that_cannot_be_used_is_named_and_not_shown(
    keys_of: KeysOf, tmp_path: Path
) -> None:
    private = "c2VjcmV0LXNlY3JldC1zZWNyZXQ="
    content = {"signing": {"id": "tasks", "private": private}, "verifying": {}}
    for name, written in (
        ("short", json.dumps(content)),
        ("unknown", json.dumps(content | {"more": private})),
        ("broken", private),
        ("verifies-only", json.dumps({"verifying": {}})),
    ):
        path = tmp_path / f"{name}.json"
        path.write_text(written)
        with pytest.raises(UnusableKeys) as caught:
            CallerSigner(CallerSection(keys_file=path))
        assert private not in str(caught.value)
        assert caught.value.__cause__ is None

    with pytest.raises(UnusableKeys, match=r"absent\.json"):
        CallerVerifier(keys_of("absent"), "tasks")


def test_gw_01_outside_a_request_nobody_calls() -> None:
    with pytest.raises(CallerContextMissing):
        caller()
    with pytest.raises(CallerContextMissing):
        actor()
    assert CallerContextMissing.reason == "CALLER_CONTEXT_MISSING"
    assert CallerContextExpired.reason == "CALLER_CONTEXT_EXPIRED"
