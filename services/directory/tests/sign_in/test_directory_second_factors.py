"""Second factors on a real database: codes, passkeys, recovery codes, and roles that need one."""

import asyncio
import importlib.util
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from directory.access import operations as access_operations
from directory.accounts.domain.passwords import FREE_FAILURES
from directory.accounts.domain.refusals import RefreshRefused
from directory.accounts.domain.sessions import LIMITED
from directory.accounts.domain.sign_in_attempts import Origin
from directory.accounts.domain.spread import MAX_NETWORKS
from directory.config import PasskeysSection
from directory.people import operations as people_operations
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import SessionId
from directory.shared.domain.refusals import PermissionMissing, PersonNotFound
from directory.sign_in import operations, queries
from directory.sign_in.domain.refusals import (
    CodeRefused,
    PasskeyRefused,
    PasskeysNotSetUp,
    SecondFactorExists,
    SecondFactorNeeded,
    SecondFactorNotFound,
    SignInRefused,
    StepUpRequired,
)
from directory.sign_in.operations.access_tokens import EdDSA
from directory.sign_in.operations.sign_ins import Answer, AnswerKind
from directory.sign_in.operations.webauthn import Passkeys
from directory.sign_in.queries.second_factors import OwnFactors
from joserfc import jwt
from joserfc.jwk import KeySet
from plexus.event.v1.envelope_pb2 import Envelope

_SPEC = importlib.util.spec_from_file_location(
    "directory_authenticator", Path(__file__).with_name("authenticator.py")
)
assert _SPEC
assert _SPEC.loader
authenticator = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = authenticator
_SPEC.loader.exec_module(authenticator)

PASSWORD = "correct horse"
HERE = "192.0.2.7/32"
SECOND = timedelta(seconds=1)
STEP = timedelta(seconds=30)


@dataclass
class Member:
    """Signed-in person with an app for one-time codes."""

    company: Any
    handle: str
    actor: Actor
    secret: str = ""

    @classmethod
    async def hired(cls, company: Any, handle: str = "li", **fields: Any) -> "Member":
        person = await company.hire(handle, password=PASSWORD, **fields)
        tokens = await company.sign_in(handle)
        return cls(company, handle, company.acting_as(person, session_id=tokens.session_id))

    def code(self) -> str:
        return pyotp.TOTP(self.secret).at(self.company.now)

    async def enroll(self, password: str = PASSWORD) -> None:
        company = self.company
        enrolment = await operations.enroll_totp(
            company.store,
            company.hashes,
            sealing=company.sealing,
            actor=self.actor,
            password=password,
            now=company.now,
        )
        assert enrolment.uri.startswith("otpauth://totp/")
        self.secret = enrolment.secret

    async def confirm(self, code: str = "") -> tuple[str, ...]:
        enrolled = await operations.confirm_totp(
            self.company.store,
            sealing=self.company.sealing,
            actor=self.actor,
            code=code or self.code(),
            now=self.company.now,
        )
        return enrolled.recovery_codes

    async def with_codes(self) -> tuple[str, ...]:
        await self.enroll()
        codes = await self.confirm()
        self.company.clock.advance(STEP)
        return codes

    async def ask(self, *, network: str = HERE, device_key: str = "") -> Any:
        admitted = await self.company.enter(self.handle, network=network, device_key=device_key)
        assert (admitted.tokens, admitted.person) == (None, None)
        return admitted.question

    async def answer(
        self,
        question: Any,
        kind: AnswerKind,
        value: str,
        *,
        network: str = HERE,
        device_key: str = "",
    ) -> Any:
        company = self.company
        return await operations.complete_sign_in(
            company.store,
            company.hashes,
            company.issuer,
            passkeys=company.passkeys,
            sealing=company.sealing,
            challenge_id=question.challenge_id,
            answer=Answer(kind=kind, value=value),
            origin=Origin(network=network, device_key=device_key),
            now=company.now,
        )

    async def guess_codes(self, network: str, *, count: int) -> int:
        """Guess wrong codes with the right password; return how many were checked."""
        looked_at = 0
        for _ in range(count):
            question = await self.ask(network=network)
            with pytest.raises(SignInRefused) as refused:
                await self.answer(question, AnswerKind.TOTP, "000000", network=network)
            looked_at += refused.value.retry_after is None
        return looked_at

    async def begin_passkey(self) -> str:
        company = self.company
        return await operations.begin_passkey(
            company.store,
            company.hashes,
            passkeys=company.passkeys,
            actor=self.actor,
            password=PASSWORD,
            now=company.now,
        )

    async def finish_passkey(self, answer: str) -> Any:
        return await operations.finish_passkey(
            self.company.store,
            passkeys=self.company.passkeys,
            actor=self.actor,
            answer=answer,
            name="钥匙",
            now=self.company.now,
        )

    async def remove(
        self, *, factor_id: str = "", person_id: str = "", password: str = PASSWORD
    ) -> None:
        await operations.remove_second_factor(
            self.company.store,
            self.company.hashes,
            actor=self.actor,
            factor_id=factor_id,
            person_id=person_id,
            password=password,
            now=self.company.now,
        )

    async def own(self) -> Any:
        return await queries.list_second_factors(self.company.store, actor=self.actor)

    def in_session(self, tokens: Any) -> "Member":
        return replace(self, actor=replace(self.actor, session_id=SessionId(tokens.session_id)))


def claims(company: Any, tokens: Any) -> dict[str, Any]:
    keys = KeySet.import_key_set(json.loads(company.issuer.public_jwks))
    return jwt.decode(tokens.access_token, keys, registry=EdDSA()).claims


async def require_second_factor(company: Any, *roles: str) -> None:
    policy, _ = await queries.get_sign_in_policy(
        company.store, actor=company.actor, now=company.now
    )
    await operations.update_sign_in_policy(
        company.store,
        company.openid,
        actor=company.actor,
        local_accounts=True,
        second_factor_role_ids=roles,
        expected_version=policy.version,
        now=company.now,
    )


async def test_gw_01_after_setting_codes_up_the_password_alone_signs_nobody_in(
    company: Any,
) -> None:
    member = await Member.hired(company)
    await member.enroll()
    # Codes are not required before the app is known to work.
    assert (await company.enter("li")).tokens is not None
    codes = await member.confirm()
    assert len(set(codes)) == 10
    company.clock.advance(STEP)

    question = await member.ask()
    assert [kind.value for kind in question.kinds] == ["totp"]
    admitted = await member.answer(question, AnswerKind.TOTP, member.code())

    assert admitted.person.handle == "li"
    said = claims(company, admitted.tokens)
    assert said["amr"] == ["pwd", "otp", "mfa"]
    assert "scopes" not in said
    own = await member.own()
    assert (len(own.factors), own.recovery_codes_left) == (1, 10)
    assert own.factors[0].last_used_at == company.now


async def test_gw_01_a_code_and_a_challenge_are_good_once(company: Any) -> None:
    member = await Member.hired(company)
    await member.with_codes()
    first, second = await member.ask(), await member.ask()
    code = member.code()
    await member.answer(first, AnswerKind.TOTP, code)
    with pytest.raises(SignInRefused):
        await member.answer(first, AnswerKind.TOTP, code)
    with pytest.raises(SignInRefused):
        await member.answer(second, AnswerKind.TOTP, code)
    company.clock.advance(STEP)
    assert (await member.answer(second, AnswerKind.TOTP, member.code())).tokens


async def test_gw_01_one_of_many_who_use_a_code_at_once_is_signed_in(company: Any) -> None:
    member = await Member.hired(company)
    await member.with_codes()
    questions = [await member.ask() for _ in range(4)]
    outcomes = await asyncio.gather(
        *(member.answer(each, AnswerKind.TOTP, member.code()) for each in questions),
        return_exceptions=True,
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert all(isinstance(each, SignInRefused) for each in outcomes if isinstance(each, Exception))


async def test_gw_01_a_challenge_takes_five_answers_in_five_minutes(company: Any) -> None:
    member = await Member.hired(company)
    await member.with_codes()
    late = await member.ask()
    company.clock.advance(timedelta(minutes=5))
    with pytest.raises(SignInRefused):
        await member.answer(late, AnswerKind.TOTP, member.code())

    spent = await member.ask()
    waits = []
    for _ in range(6):
        with pytest.raises(SignInRefused) as refused:
            await member.answer(spent, AnswerKind.TOTP, "000000")
        waits.append(refused.value.retry_after)
    # The fifth wrong one locks the person's second factor, as it does a handle.
    assert waits == [None, None, None, None, 30 * SECOND, None]
    fresh = await member.ask()
    with pytest.raises(SignInRefused) as refused:
        await member.answer(fresh, AnswerKind.TOTP, member.code())
    assert refused.value.retry_after == 30 * SECOND
    company.clock.advance(30 * SECOND)
    assert (await member.answer(fresh, AnswerKind.TOTP, member.code())).tokens


async def test_gw_02_every_wrong_answer_looks_the_same(company: Any) -> None:
    member = await Member.hired(company)
    await member.with_codes()
    shown = set()
    for kind, value in (
        (AnswerKind.NOTHING, ""),
        (AnswerKind.TOTP, ""),
        (AnswerKind.PASSKEY, "{}"),
        (AnswerKind.PASSKEY, "no json"),
        (AnswerKind.PASSKEY, "x" * 100_000),
        (AnswerKind.RECOVERY_CODE, ""),
        (AnswerKind.RECOVERY_CODE, "aaaa-aaaa-aaaa-aaaa"),
    ):
        question = await member.ask()
        for asked in (question, replace(question, challenge_id="unknown")):
            with pytest.raises(SignInRefused) as refused:
                await member.answer(asked, kind, value)
            shown.add((str(refused.value), refused.value.retry_after, *refused.value.metadata))
        company.clock.advance(timedelta(minutes=20))
        await member.answer(await member.ask(), AnswerKind.TOTP, member.code())
    assert len(shown) == 1


async def test_gw_01_a_recovery_code_stands_in_once(company: Any) -> None:
    member = await Member.hired(company)
    codes = await member.with_codes()
    typed = codes[3].upper().replace("-", " ")
    await member.answer(await member.ask(), AnswerKind.RECOVERY_CODE, typed)
    assert (await member.own()).recovery_codes_left == 9
    with pytest.raises(SignInRefused):
        await member.answer(await member.ask(), AnswerKind.RECOVERY_CODE, codes[3])
    await member.answer(await member.ask(), AnswerKind.RECOVERY_CODE, codes[4])


async def test_gw_01_a_new_password_ends_an_open_challenge(company: Any) -> None:
    member = await Member.hired(company)
    await member.with_codes()
    question = await member.ask()
    await operations.set_password(
        company.store,
        company.hashes,
        actor=company.actor,
        person_id=member.actor.person_id,
        old_password="",
        new_password="another one",
        reason="a test",
        now=company.now,
    )
    with pytest.raises(SignInRefused):
        await member.answer(question, AnswerKind.TOTP, member.code())


async def test_setting_up_needs_the_password_and_a_wrong_code_proves_nothing(company: Any) -> None:
    member = await Member.hired(company)
    for wrong in ("", "wrong password"):
        with pytest.raises(StepUpRequired):
            await member.enroll(wrong)
    with pytest.raises(CodeRefused):
        await member.confirm("123456")
    await member.enroll()
    with pytest.raises(CodeRefused):
        await member.confirm("000000")
    company.clock.advance(timedelta(minutes=16))
    with pytest.raises(CodeRefused):
        await member.confirm()
    await member.enroll()
    await member.confirm()
    with pytest.raises(SecondFactorExists):
        await member.enroll()


@pytest.mark.rule("GW-13")
async def test_gw_13_wrong_step_ups_lock_the_session_and_not_the_person(company: Any) -> None:
    member = await Member.hired(company)
    for _ in range(5):
        with pytest.raises(StepUpRequired) as refused:
            await member.enroll("wrong password")
    assert refused.value.retry_after == 30 * SECOND
    with pytest.raises(StepUpRequired):
        await member.enroll()
    assert await company.sign_in("li")


async def test_gw_01_a_stolen_password_and_an_old_session_add_or_remove_no_factor(
    company: Any,
) -> None:
    member = await Member.hired(company)
    old = member.in_session(await company.sign_in("li"))
    await member.with_codes()
    with pytest.raises(StepUpRequired):
        await old.begin_passkey()
    with pytest.raises(StepUpRequired):
        await old.remove()
    # An API token has no session to prove anything in.
    app = replace(member, actor=replace(member.actor, session_id=SessionId("tok_1")))
    with pytest.raises(StepUpRequired):
        await app.begin_passkey()


async def test_gw_01_a_passkey_signs_in_and_a_copy_of_it_shows(company: Any) -> None:
    member = await Member.hired(company)
    key = authenticator.Authenticator()
    enrolled = await member.finish_passkey(key.create(await member.begin_passkey()))
    assert (enrolled.factor.name, len(enrolled.recovery_codes)) == ("钥匙", 10)

    question = await member.ask()
    options = json.loads(question.passkey_options)
    assert options["userVerification"] == "required"
    copied_count = key.sign_count
    admitted = await member.answer(question, AnswerKind.PASSKEY, key.get(question.passkey_options))
    assert claims(company, admitted.tokens)["amr"] == ["pwd", "hwk", "mfa"]

    key.sign_count = copied_count
    question = await member.ask()
    with pytest.raises(SignInRefused):
        await member.answer(question, AnswerKind.PASSKEY, key.get(question.passkey_options))


async def test_gw_01_an_answer_of_a_passkey_fits_one_question_only(company: Any) -> None:
    member = await Member.hired(company)
    key = authenticator.Authenticator()
    await member.finish_passkey(key.create(await member.begin_passkey()))
    first, second = await member.ask(), await member.ask()
    answer = key.get(first.passkey_options)
    with pytest.raises(SignInRefused):
        await member.answer(second, AnswerKind.PASSKEY, answer)
    await member.answer(first, AnswerKind.PASSKEY, answer)
    with pytest.raises(SignInRefused):
        await member.answer(first, AnswerKind.PASSKEY, answer)


async def test_gw_01_a_passkey_of_another_page_or_without_its_user_is_refused(
    company: Any,
) -> None:
    member = await Member.hired(company)
    key = authenticator.Authenticator()
    await member.finish_passkey(key.create(await member.begin_passkey()))
    wrong = (
        replace(key, origin="https://plexus.example.evil"),
        replace(key, origin="http://plexus.example"),
        replace(key, flags=authenticator.PRESENT),
        replace(key, flags=authenticator.VERIFIED),
        authenticator.Authenticator(credential_id=key.credential_id),
    )
    for other in wrong:
        question = await member.ask()
        with pytest.raises(SignInRefused):
            await member.answer(question, AnswerKind.PASSKEY, other.get(question.passkey_options))
        company.clock.advance(timedelta(minutes=20))
    question = await member.ask()
    answer = key.get(question.passkey_options, rpId="evil.example")
    with pytest.raises(SignInRefused):
        await member.answer(question, AnswerKind.PASSKEY, answer)

    for other in wrong[:4]:
        with pytest.raises(PasskeyRefused):
            await member.finish_passkey(other.create(await member.begin_passkey()))


async def test_a_question_for_a_new_passkey_is_answered_once_and_in_time(company: Any) -> None:
    member = await Member.hired(company)
    key = authenticator.Authenticator()
    options = await member.begin_passkey()
    await member.finish_passkey(key.create(options))
    with pytest.raises(PasskeyRefused):
        await member.finish_passkey(authenticator.Authenticator().create(options))
    late = await member.begin_passkey()
    company.clock.advance(timedelta(minutes=5))
    with pytest.raises(PasskeyRefused):
        await member.finish_passkey(authenticator.Authenticator().create(late))
    # A credential of another person cannot be registered again.
    thief = await Member.hired(company, "thief")
    with pytest.raises(PasskeyRefused):
        await thief.finish_passkey(key.create(await thief.begin_passkey()))


async def test_an_installation_without_a_relying_party_has_no_passkeys(company: Any) -> None:
    member = await Member.hired(company)
    bare = replace(company, passkeys=Passkeys(PasskeysSection()))
    with pytest.raises(PasskeysNotSetUp):
        await replace(member, company=bare).begin_passkey()


async def test_gw_03_who_holds_a_role_that_needs_a_factor_may_only_set_one_up(
    company: Any,
) -> None:
    await company.hire("li", password=PASSWORD, roles=("admin", "member"))
    earlier = await company.sign_in("li")
    await require_second_factor(company, "admin")

    # Also in a session from before: at its next refresh.
    refreshed = await company.refresh(earlier.refresh_token)
    assert set(claims(company, refreshed)["scopes"]) == LIMITED
    admitted = await company.enter("li")
    assert admitted.enrollment_due
    assert set(claims(company, admitted.tokens)["scopes"]) == LIMITED

    person = admitted.person
    limited = replace(
        company.acting_as(person, session_id=admitted.tokens.session_id), scopes=LIMITED
    )
    with pytest.raises(PermissionMissing):
        await people_operations.create_person(
            company.store,
            company.hashes,
            actor=limited,
            draft=None,  # type: ignore[arg-type] # never looked at
            password="",
            request=None,
            now=company.now,
        )
    member = Member(company, "li", limited)
    await member.with_codes()
    full = claims(company, await company.refresh(admitted.tokens.refresh_token))
    assert "scopes" not in full
    assert "mfa" in full["amr"]
    with pytest.raises(SecondFactorNeeded):
        await member.remove()
    # A person without the role needs no second factor.
    await company.hire("bo", password=PASSWORD)
    assert not (await company.enter("bo")).enrollment_due


async def test_gw_03_a_role_that_is_bound_asks_for_a_second_factor_too(company: Any) -> None:
    li = await company.hire("li", password=PASSWORD)
    await require_second_factor(company, "auditor")
    assert not (await company.enter("li")).enrollment_due
    await access_operations.bind_role(
        company.store,
        actor=company.actor,
        role_id="auditor",
        subject=f"person:{li.id}",
        scope=f"tenant:{company.tenant.id}",
        expires_at=None,
        request=None,
        now=company.now,
    )
    assert (await company.enter("li")).enrollment_due


async def test_one_s_own_factor_goes_with_the_password_and_the_codes_with_the_last(
    company: Any,
) -> None:
    member = await Member.hired(company)
    await member.with_codes()
    with pytest.raises(StepUpRequired):
        await member.remove(password="wrong password")
    with pytest.raises(SecondFactorNotFound):
        await member.remove(factor_id="fac_unknown")
    key = authenticator.Authenticator()
    enrolled = await member.finish_passkey(key.create(await member.begin_passkey()))
    assert enrolled.recovery_codes == ()
    await member.remove(factor_id=enrolled.factor.id)
    assert (await member.own()).recovery_codes_left == 10
    await member.remove()
    assert await member.own() == OwnFactors(factors=(), recovery_codes_left=0)
    assert (await company.enter("li")).tokens is not None


async def test_gw_02_another_s_factor_needs_its_permission_and_ends_their_sessions(
    company: Any, facts: Callable[[], Awaitable[list[Envelope]]]
) -> None:
    member = await Member.hired(company)
    await member.with_codes()
    session = await member.answer(await member.ask(), AnswerKind.TOTP, member.code())
    await require_second_factor(company, "member")
    bo = Member(company, "bo", company.acting_as(await company.hire("bo")))
    for person_id in (member.actor.person_id, "per_unknown"):
        with pytest.raises(PermissionMissing):
            await bo.remove(person_id=person_id)
    admin = Member(company, "root", company.actor)
    with pytest.raises(PersonNotFound):
        await admin.remove(person_id="per_unknown")
    await admin.remove(person_id=member.actor.person_id)
    with pytest.raises(RefreshRefused):
        await company.refresh(session.tokens.refresh_token)
    assert session.tokens.session_id in [
        fact.scope for fact in await facts() if fact.type.endswith("SessionRevoked")
    ]
    assert (await company.enter("li")).enrollment_due


async def test_what_is_stored_holds_no_secret_in_the_clear(company: Any, db: Any) -> None:
    member = await Member.hired(company)
    codes = await member.with_codes()
    question = await member.ask()
    secrets = [
        member.secret,
        question.challenge_id,
        PASSWORD,
        *codes,
        *(c.replace("-", "") for c in codes),
    ]
    stored = ""
    for name in await db.collection_names():
        stored += repr(await db.collection(name, schema_version=1).find_all({}))
    assert not [secret for secret in secrets if secret in stored]


@pytest.mark.rule("GW-13")
async def test_gw_13_who_knows_the_password_keeps_no_known_device_out(company: Any) -> None:
    li = await Member.hired(company)
    recovery = await li.with_codes()
    known = await li.answer(await li.ask(), AnswerKind.TOTP, li.code())
    for number in range(2 * MAX_NETWORKS):
        await li.guess_codes(f"203.0.113.{number}/32", count=FREE_FAILURES + 1)

    for left, network in zip(recovery, (HERE, "203.0.113.1/32"), strict=False):
        place = {"network": network, "device_key": known.device_key}
        admitted = await li.answer(await li.ask(**place), AnswerKind.RECOVERY_CODE, left, **place)
        assert admitted.tokens


@pytest.mark.rule("GW-13")
async def test_gw_13_codes_guessed_from_one_network_lock_no_other(company: Any) -> None:
    li = await Member.hired(company)
    await li.with_codes()
    assert await li.guess_codes("203.0.113.1/32", count=3 * FREE_FAILURES) < FREE_FAILURES

    assert (await li.answer(await li.ask(), AnswerKind.TOTP, li.code())).tokens


@pytest.mark.rule("GW-13")
async def test_gw_13_many_networks_get_as_many_codes_as_a_few(company: Any) -> None:
    li = await Member.hired(company)
    await li.with_codes()
    for number in range(6 * MAX_NETWORKS):
        await li.guess_codes(f"203.0.113.{number}/32", count=1)

    with pytest.raises(SignInRefused) as refused:
        await li.answer(await li.ask(), AnswerKind.TOTP, li.code())
    assert refused.value.retry_after is not None
