"""One-time codes and recovery codes are good once, and in their time."""

from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from directory.accounts.domain.sessions import has_second, with_second
from directory.shared.domain.ids import TenantId
from directory.sign_in.domain import recovery_codes, second_factors
from directory.sign_in.domain.sign_in_policies import SignInPolicy, change
from plexuskit.errors import InvalidArgument, VersionConflict

# The seed of RFC 6238's own test vectors, and three of them cut to six digits.
RFC_SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
RFC_VECTORS = [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")]
NOW = datetime(2026, 3, 2, 9, 0, 10, tzinfo=UTC)
STEP = timedelta(seconds=30)


@pytest.mark.parametrize(("at", "code"), RFC_VECTORS)
def test_codes_are_those_of_rfc_6238(at: int, code: str) -> None:
    now = datetime.fromtimestamp(at, tz=UTC)
    step = second_factors.matching_step(RFC_SEED, code, after=0, now=now)
    assert step == at // 30


@pytest.mark.parametrize("aside", [-1, 0, 1])
def test_a_code_of_a_step_aside_is_good(aside: int) -> None:
    code = pyotp.TOTP(RFC_SEED).at(NOW + aside * STEP)
    step = second_factors.matching_step(RFC_SEED, code, after=0, now=NOW)
    assert step == int(NOW.timestamp()) // 30 + aside


@pytest.mark.parametrize("aside", [-2, 2])
def test_a_code_of_two_steps_aside_is_not(aside: int) -> None:
    code = pyotp.TOTP(RFC_SEED).at(NOW + aside * STEP)
    assert second_factors.matching_step(RFC_SEED, code, after=0, now=NOW) is None


def test_gw_01_a_code_is_good_once_and_none_before_it_is_good_again() -> None:
    totp = pyotp.TOTP(RFC_SEED)
    used = second_factors.matching_step(RFC_SEED, totp.at(NOW), after=0, now=NOW)
    assert used is not None
    for earlier in (NOW, NOW - STEP):
        code = totp.at(earlier)
        assert second_factors.matching_step(RFC_SEED, code, after=used, now=NOW) is None
    following = totp.at(NOW + STEP)
    assert second_factors.matching_step(RFC_SEED, following, after=used, now=NOW) == used + 1


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "二八七〇八二", "\ud800" * 6])
def test_what_is_no_code_is_refused(code: str) -> None:
    now = datetime.fromtimestamp(59, tz=UTC)
    assert second_factors.matching_step(RFC_SEED, code, after=0, now=now) is None


def test_a_code_may_be_typed_in_groups() -> None:
    now = datetime.fromtimestamp(59, tz=UTC)
    assert second_factors.matching_step(RFC_SEED, " 287 082 ", after=0, now=now) == 1


def test_recovery_codes_are_read_however_they_are_copied_and_good_once() -> None:
    code = recovery_codes.written(bytes(range(10)))
    assert code == "aaaq-eaye-auda-ocaj"
    left = tuple(recovery_codes.digest(recovery_codes.written(bytes([n] * 10))) for n in range(3))
    typed = recovery_codes.written(bytes([1] * 10)).upper().replace("-", " ")
    remaining = recovery_codes.without(left, typed)
    assert remaining == (left[0], left[2])
    assert recovery_codes.without(remaining, typed) is None


def test_a_recovery_code_has_80_random_bits() -> None:
    assert recovery_codes.RANDOM_BYTES * 8 >= 80
    assert len(recovery_codes.written(bytes(10)).replace("-", "")) == 16


def test_gw_03_a_policy_names_the_roles_that_need_a_second_factor() -> None:
    policy = SignInPolicy(tenant_id=TenantId("ten_1"), second_factor_role_ids=("admin",))
    assert policy.needs_second_factor(frozenset({"admin", "member"}))
    assert not policy.needs_second_factor(frozenset({"member"}))


def test_a_second_factor_is_noted_once() -> None:
    password = ("pwd",)
    assert not has_second(password)
    both = with_second(password, method="otp")
    assert has_second(both)
    assert with_second(both, method="otp") == both


def test_a_policy_changes_by_its_version() -> None:
    policy = SignInPolicy(tenant_id=TenantId("ten_1"))
    changed = change(
        policy,
        local_accounts=True,
        second_factor_role_ids=["b", "a", "b"],
        expected_version=0,
    )
    assert (changed.second_factor_role_ids, changed.version) == (("a", "b"), 1)
    again = change(
        changed, local_accounts=True, second_factor_role_ids=["a", "b"], expected_version=1
    )
    assert again is changed
    with pytest.raises(VersionConflict):
        change(changed, local_accounts=True, second_factor_role_ids=[], expected_version=0)
    for wrong in ([""], ["x" * 200], ["a"] * 101):
        with pytest.raises(InvalidArgument):
            change(changed, local_accounts=True, second_factor_role_ids=wrong, expected_version=1)
