"""Single sign-on with a real OpenID provider in a process of its own (`openid_provider.py`)."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import aiohttp
import pytest
from directory.access.domain.refusals import GrantExceedsOwn
from directory.accounts.domain.sign_in_attempts import Origin
from directory.config import OpenIdSection
from directory.people import operations as people_operations
from directory.people.domain.imports import Imported
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import ProviderId, TenantId
from directory.sign_in import operations, queries
from directory.sign_in.domain.openid import Provider
from directory.sign_in.domain.refusals import (
    LockedOut,
    NoWorkingProvider,
    ProviderInvalid,
    ProviderNotFound,
    ProviderUnavailable,
    RedirectNotAllowed,
    SignInRefused,
)
from directory.sign_in.operations.openid import OpenIdClient, openid_client
from directory.sign_in.operations.single_sign_on import Begun, Returned
from plexus_local.servers.ports import free_port
from plexus_testkit import eventually
from plexuskit.clock import SystemClock
from plexuskit.errors import InvalidArgument, VersionConflict

SECRET = "client secret of the tests"
REDIRECT = "https://plexus.example/signed-in"
USERS = [
    {"sub": "u-li", "email": "li@acme.example", "email_verified": True},
    {"sub": "u-li-2", "email": "Li@acme.example", "email_verified": True},
    {"sub": "u-unverified", "email": "bo@acme.example", "email_verified": False},
    {"sub": "u-text", "email": "bo@acme.example", "email_verified": "true"},
    {"sub": "u-other-domain", "email": "bo@evil.example", "email_verified": True},
    {"sub": "u-shared", "email": "shared@acme.example", "email_verified": True},
    {"sub": "u-hr", "email": "", "email_verified": False, "employee": "E77"},
    {"sub": "u-mfa", "email": "", "email_verified": False, "amr": ["pwd", "mfa"]},
]


@pytest.fixture(scope="session")
async def issuer_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a provider that runs for all the tests."""
    port = free_port()
    log = tmp_path_factory.mktemp("provider") / "log"
    with log.open("w") as output:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("openid_provider.py")),
            str(port),
            json.dumps(USERS),
            env=os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1"},
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"

    async def answers() -> bool:
        try:
            async with aiohttp.ClientSession() as client, client.get(f"{url}/jwks") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    try:
        await eventually(answers, within=30)
        yield url
    finally:
        child.terminate()
        await child.wait()


@pytest.fixture
async def client() -> AsyncIterator[OpenIdClient]:
    # Its tokens are made by the machine's clock.
    async with openid_client(OpenIdSection(private_addresses=True), clock=SystemClock()) as opened:
        yield opened


@dataclass
class Site:
    """A company whose people sign in with the provider."""

    company: Any
    client: OpenIdClient
    issuer: str

    async def put(self, *, secret: str = SECRET, version: int = 0, **changed: Any) -> Provider:
        fields = {
            "id": ProviderId("acme"),
            "tenant_id": TenantId(""),
            "name": "公司账号",
            "issuer": self.issuer,
            "client_id": "plexus",
            "redirect_uris": (REDIRECT, "http://127.0.0.1/callback"),
            "subject_claim": "",
            "email_domains": ("acme.example",),
        } | changed
        return await operations.put_openid_provider(
            self.company.store,
            self.client,
            sealing=self.company.sealing,
            actor=self.company.actor,
            provider=Provider(**fields),
            client_secret=secret,
            expected_version=version,
            now=self.company.now,
        )

    async def begin(self, *, redirect_uri: str = REDIRECT, provider_id: str = "acme") -> Begun:
        return await operations.begin_single_sign_on(
            self.company.store,
            self.client,
            provider_id=provider_id,
            redirect_uri=redirect_uri,
            device="browser",
            now=self.company.now,
        )

    async def visit(self, begun: Begun, subject: str, **changed: str) -> Returned:
        """Act like the browser: authenticate at the provider, and come back."""
        parts = urlsplit(begun.authorization_url)
        asked = dict(parse_qsl(parts.query)) | changed
        async with (
            aiohttp.ClientSession() as browser,
            browser.post(
                parts._replace(query=urlencode(asked)).geturl(),
                data={"sub": subject},
                allow_redirects=False,
            ) as answer,
        ):
            assert answer.status == 302, await answer.text()
            location = answer.headers["location"]
        back = {name: each[0] for name, each in parse_qs(urlsplit(location).query).items()}
        return Returned(
            state=back["state"], code=back["code"], issuer=back["iss"], proof=begun.proof
        )

    async def complete(self, returned: Returned) -> Any:
        company = self.company
        return await operations.complete_single_sign_on(
            company.store,
            self.client,
            company.issuer,
            passkeys=company.passkeys,
            sealing=company.sealing,
            returned=returned,
            origin=Origin(),
            now=company.now,
        )

    async def sign_in(self, subject: str) -> Any:
        return await self.complete(await self.visit(await self.begin(), subject))


@pytest.fixture
async def site(company: Any, client: OpenIdClient, issuer_url: str) -> Site:
    site = Site(company, client, issuer_url)
    await site.put()
    return site


async def feed(company: Any, handle: str, external_id: str, **fields: Any) -> Any:
    """Create a person as the feed of people does."""
    person = await company.hire(handle, **fields)
    known = replace(person, external_id=external_id, version=person.version + 1)

    async def work(tx: Any) -> None:
        await company.store.people.save_many([(person, known)], tx=tx)

    await company.store.transact(work)
    return known


async def test_gw_01_whom_the_feed_names_signs_in_by_their_subject(site: Site) -> None:
    company = site.company
    li = await feed(company, "li", "acme:u-li", email="li@acme.example")
    admitted = await site.sign_in("u-li")
    assert admitted.person.id == li.id
    actor = company.acting_as(li, session_id=admitted.tokens.session_id)
    (session,) = (
        await queries.list_sessions(
            company.store,
            actor=actor,
            person_id="",
            page_size=0,
            page_token="",
            now=company.now,
        )
    ).sessions
    assert (session.single_sign_on, session.device, session.methods) == (
        "公司账号",
        "browser",
        ("fed",),
    )


async def test_gw_01_the_address_that_a_browser_is_sent_to_says_what_it_must(site: Site) -> None:
    begun = await site.begin()
    asked = dict(parse_qsl(urlsplit(begun.authorization_url).query))
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["state"] == begun.state
    assert asked["scope"].split()[0] == "openid"
    assert len(asked["nonce"]) >= 43
    assert begun.proof not in begun.authorization_url
    assert (await site.begin()).state != begun.state


async def test_gw_01_state_and_code_are_good_once_and_for_ten_minutes(site: Site) -> None:
    await feed(site.company, "li", "acme:u-li")
    returned = await site.visit(await site.begin(), "u-li")
    assert (await site.complete(returned)).tokens
    with pytest.raises(SignInRefused):
        await site.complete(returned)
    # A code that was used, in an attempt of its own.
    other = await site.begin()
    with pytest.raises(SignInRefused):
        await site.complete(replace(returned, state=other.state, proof=other.proof))
    late = await site.visit(await site.begin(), "u-li")
    site.company.clock.advance(timedelta(minutes=10))
    with pytest.raises(SignInRefused):
        await site.complete(late)


async def test_gw_01_what_came_back_must_fit_the_attempt(site: Site) -> None:
    await feed(site.company, "li", "acme:u-li")
    begun, stranger = await site.begin(), await site.begin()
    for spoil in (
        {"state": "unknown"},
        {"proof": "unknown"},
        {"proof": stranger.proof},
        {"code": "unknown"},
        {"issuer": "https://evil.example"},
        # This provider declares that it always names itself.
        {"issuer": ""},
    ):
        returned = await site.visit(await site.begin(), "u-li")
        with pytest.raises(SignInRefused):
            await site.complete(replace(returned, **spoil))
    # Another user's code, with one's own state: its PKCE challenge does not match.
    mine, theirs = await site.visit(begun, "u-li"), await site.visit(stranger, "u-mfa")
    with pytest.raises(SignInRefused):
        await site.complete(replace(mine, code=theirs.code))


async def test_gw_01_a_nonce_of_another_attempt_is_refused(site: Site) -> None:
    await feed(site.company, "li", "acme:u-li")
    returned = await site.visit(await site.begin(), "u-li", nonce="of-an-attacker")
    with pytest.raises(SignInRefused):
        await site.complete(returned)


async def test_gw_01_a_verified_address_links_once_and_for_good(site: Site) -> None:
    company = site.company
    li = await company.hire("li", email="LI@acme.example")
    assert (await site.sign_in("u-li")).person.id == li.id
    # Linked: the address may change now.
    assert (await site.sign_in("u-li")).person.id == li.id
    # Another subject with the same address is not linked.
    with pytest.raises(SignInRefused):
        await site.sign_in("u-li-2")


@pytest.mark.rule("GW-11")
async def test_gw_11_an_imported_account_takes_no_linked_person_over(site: Site) -> None:
    company = site.company
    li = await company.hire("li", email="li@acme.example")
    assert (await site.sign_in("u-li")).person.id == li.id

    await people_operations.import_people(
        company.store,
        company.hashes,
        actor=company.actor,
        imported=[Imported(external_id="acme:u-li", handle="trap", display_name="Trap")],
        now=company.now,
    )

    assert (await site.sign_in("u-li")).person.id == li.id


@pytest.mark.rule("GW-11")
async def test_gw_11_an_import_sets_no_password_for_who_signs_in_by_a_provider(site: Site) -> None:
    company = site.company
    trap = Imported(
        external_id="acme:u-li", handle="trap", display_name="Trap", password="tall stapler 1"
    )

    async def bring(*people: Imported) -> Any:
        return await people_operations.import_people(
            company.store, company.hashes, actor=company.actor, imported=people, now=company.now
        )

    other = replace(trap, external_id="slack:u-li", handle="other")
    with pytest.raises(InvalidArgument) as refused:
        await bring(other, trap)
    assert refused.value.metadata["field"] == "people[1].password"

    outcome = await bring(other, replace(trap, password=""))
    assert outcome.created == 2


async def test_gw_01_nobody_is_linked_by_an_address_that_could_be_another_s(site: Site) -> None:
    company = site.company
    await company.hire("bo", email="bo@acme.example")
    await company.hire("bo2", email="bo@evil.example")
    await company.hire("one", email="shared@acme.example")
    await company.hire("two", email="Shared@acme.example")
    # Unverified, verified as a string only, of another domain, of two people, of no one.
    for subject in (
        "u-unverified",
        "u-text",
        "u-other-domain",
        "u-shared",
        "u-li",
        "new@acme.example",
    ):
        with pytest.raises(SignInRefused) as refused:
            await site.sign_in(subject)
        assert refused.value.metadata == {}
    # Linked by the feed with another subject of the provider.
    await feed(company, "li", "acme:u-somebody", email="li@acme.example")
    with pytest.raises(SignInRefused):
        await site.sign_in("u-li")


async def test_gw_04_who_was_deactivated_does_not_come_in_by_the_provider(site: Site) -> None:
    company = site.company
    li = await feed(company, "li", "acme:u-li")
    returned = await site.visit(await site.begin(), "u-li")
    await people_operations.deactivate_person(
        company.store, actor=company.actor, person_id=li.id, request=None, now=company.now
    )
    with pytest.raises(SignInRefused):
        await site.complete(returned)


async def test_gw_01_another_claim_can_name_people(site: Site) -> None:
    await site.put(version=1, subject_claim="employee")
    hr = await feed(site.company, "hr77", "acme:E77")
    assert (await site.sign_in("u-hr")).person.id == hr.id
    with pytest.raises(SignInRefused):
        await site.sign_in("u-li")


async def test_gw_01_a_second_factor_counts_where_the_provider_says_so(site: Site) -> None:
    company = site.company
    await feed(company, "li", "acme:u-li", roles=("admin", "member"))
    await feed(company, "mf", "acme:u-mfa", roles=("admin", "member"))
    await operations.update_sign_in_policy(
        company.store,
        site.client,
        actor=company.actor,
        local_accounts=True,
        second_factor_role_ids=["admin"],
        expected_version=0,
        now=company.now,
    )
    assert (await site.sign_in("u-li")).enrollment_due
    assert not (await site.sign_in("u-mfa")).enrollment_due


async def test_native_clients_come_back_to_a_port_of_their_own(site: Site) -> None:
    await feed(site.company, "li", "acme:u-li")
    begun = await site.begin(redirect_uri="http://127.0.0.1:49152/callback")
    assert (await site.complete(await site.visit(begun, "u-li"))).tokens


async def test_gw_01_other_redirects_and_providers_are_refused(site: Site) -> None:
    for wrong in (
        "",
        "https://evil.example/signed-in",
        REDIRECT + "/",
        REDIRECT + "?x=1",
        "https://plexus.example.evil/signed-in",
        "http://127.0.0.1:1/other",
        "http://127.0.0.1:1/callback#x",
        "http://127.0.0.1@evil.example/callback",
        "http://localhost:1/callback",
        "https://127.0.0.1:1/callback",
        "javascript:alert(1)",
    ):
        with pytest.raises(RedirectNotAllowed):
            await site.begin(redirect_uri=wrong)
    with pytest.raises(ProviderNotFound):
        await site.begin(provider_id="other")


async def test_a_provider_s_secret_is_sealed_and_goes_to_no_other_issuer(
    site: Site, db: Any
) -> None:
    store = site.company.store
    stored = await store.providers.get("acme", tenant_id=site.company.tenant.id)
    assert SECRET.encode() not in stored.sealed_secret
    documents = await db.collection("openid_providers", schema_version=1).find_all({})
    assert SECRET not in repr(documents)

    kept = await site.put(secret="", version=1, name="新名")
    assert kept.sealed_secret == stored.sealed_secret
    moved = await site.put(secret="", version=2, client_id="another")
    assert moved.sealed_secret == b""
    with pytest.raises(VersionConflict):
        await site.put(version=1)
    with pytest.raises(InvalidArgument):
        await site.put(version=3, issuer="http://plexus.example")


async def test_gw_01_a_provider_is_read_before_it_counts(site: Site, issuer_url: str) -> None:
    for issuer in (f"http://127.0.0.1:{free_port()}", issuer_url + "/nowhere"):
        with pytest.raises(ProviderInvalid):
            await site.put(id=ProviderId("other"), issuer=issuer)
    # `localhost` answers too, and names another issuer.
    with pytest.raises(ProviderInvalid):
        await site.put(
            id=ProviderId("other"), issuer=issuer_url.replace("127.0.0.1", "localhost") + "/"
        )


async def test_gw_01_private_addresses_are_asked_only_where_that_is_allowed(
    site: Site,
) -> None:
    async with openid_client(OpenIdSection(), clock=SystemClock()) as guarded:
        outside = replace(site, client=guarded)
        with pytest.raises(ProviderInvalid):
            await outside.put(id=ProviderId("other"))
        with pytest.raises(ProviderUnavailable):
            await outside.begin()


async def test_local_accounts_go_only_while_an_administrator_can_still_come_in(site: Site) -> None:
    company = site.company
    store = company.store

    async def set_local(actor: Actor, *, local: bool) -> None:
        policy, _ = await queries.get_sign_in_policy(store, actor=actor, now=company.now)
        await operations.update_sign_in_policy(
            store,
            site.client,
            actor=actor,
            local_accounts=local,
            second_factor_role_ids=[],
            expected_version=policy.version,
            now=company.now,
        )

    li = await feed(company, "li", "acme:u-li", password="correct horse", roles=("admin", "member"))
    await set_local(company.actor, local=False)
    options = await queries.list_sign_in_options(store)
    assert (options.local_accounts, [each.id for each in options.providers]) == (False, ["acme"])
    with pytest.raises(SignInRefused):
        await company.sign_in("li")
    # The bootstrap administrator is always local.
    assert await company.sign_in("root")

    await people_operations.deactivate_person(
        store, actor=company.actor, person_id=company.admin.id, request=None, now=company.now
    )
    with pytest.raises(LockedOut):
        await operations.delete_openid_provider(
            store, actor=company.acting_as(li), provider_id="acme", now=company.now
        )
    await set_local(company.acting_as(li), local=True)
    await operations.delete_openid_provider(
        store, actor=company.acting_as(li), provider_id="acme", now=company.now
    )
    with pytest.raises(LockedOut):
        await set_local(company.acting_as(li), local=False)


async def test_gw_03_who_names_a_provider_could_sign_in_as_anybody_and_so_holds_everything(
    site: Site,
) -> None:
    company = site.company
    li = await company.hire("li")
    role = await company.create_role("登录", ["sign_in.configure"])
    await company.bind(role.id, f"person:{li.id}", f"tenant:{company.tenant.id}")
    theirs = replace(site, company=replace(company, actor=company.acting_as(li)))
    policy, _ = await queries.get_sign_in_policy(
        company.store, actor=theirs.company.actor, now=company.now
    )
    assert policy.local_accounts
    with pytest.raises(GrantExceedsOwn):
        await theirs.put(version=1)


async def _without_local_accounts(site: Site) -> None:
    policy, _ = await queries.get_sign_in_policy(
        site.company.store, actor=site.company.actor, now=site.company.now
    )
    await operations.update_sign_in_policy(
        site.company.store,
        site.client,
        actor=site.company.actor,
        local_accounts=False,
        second_factor_role_ids=[],
        expected_version=policy.version,
        now=site.company.now,
    )


async def test_local_accounts_stay_while_no_provider_answers(site: Site) -> None:
    store, tenant_id = site.company.store, site.company.tenant.id
    provider = await store.providers.get("acme", tenant_id=tenant_id)
    away = replace(provider, issuer=f"http://127.0.0.1:{free_port()}", version=2)

    async def moves(tx: Any) -> None:
        await store.providers.save(away, tx=tx)

    await store.transact(moves)

    with pytest.raises(NoWorkingProvider):
        await _without_local_accounts(site)
    assert (await queries.list_sign_in_options(store)).local_accounts


async def test_the_last_provider_stays_while_there_are_no_local_accounts(site: Site) -> None:
    company = site.company
    await _without_local_accounts(site)

    with pytest.raises(NoWorkingProvider):
        await operations.delete_openid_provider(
            company.store, actor=company.actor, provider_id="acme", now=company.now
        )
    assert (await queries.list_sign_in_options(company.store)).providers
