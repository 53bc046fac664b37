"""A feed opens no account that its owner can sign in to, and none silently (GW-11)."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from directory.accounts.domain.refusals import RefreshRefused
from directory.people import operations
from directory.people.domain.imports import Imported
from directory.people.domain.people import Kind
from directory.sign_in.domain.refusals import SignInRefused
from plexus.directory.v1 import events_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.errors import InvalidArgument

from ..constants_support import PASSWORD
from ..providers_support import link, provide
from .conftest import Feed, user

pytestmark = pytest.mark.rule("GW-11")

Facts = Callable[[], Awaitable[list[Envelope]]]
NEW = "tarn-oboe-91-fig"


@pytest.fixture
async def hr(feed: Feed, served: Any, company: Any) -> Feed:
    """A feed whose service account holds `people.provision`, and no more."""
    account = await company.hire("hr", kind=Kind.SERVICE_ACCOUNT)
    role = await company.create_role("HR feed", ["people.provision"])
    await company.bind(role.id, f"person:{account.id}", f"tenant:{company.tenant.id}")
    feed.caller = served.person(
        account.id, company.tenant.id, "member", scopes=["people.provision"]
    )
    return feed


async def stated(facts: Facts, kind: type[Any]) -> list[tuple[str, str, str]]:
    """List the facts of a kind as (person, reason, actor)."""
    found = [each for each in await facts() if each.type.endswith(f".{kind.__name__}")]
    read = [(each, kind.FromString(each.fact)) for each in found]
    return [(fact.person_id, fact.reason, each.actor_id) for each, fact in read]


def address(email: str) -> list[dict[str, Any]]:
    return [{"value": email, "primary": True}]


def replacing(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


async def test_gw_11_a_feed_that_takes_over_an_account_leaves_its_password(
    hr: Feed, company: Any, facts: Facts
) -> None:
    vic = await company.hire("vic", password=PASSWORD, email="vic@x.example")
    tokens = await company.sign_in("vic")

    told = await hr.ask("POST", "/Users", user("vic", password=NEW))

    assert (told.status, told.body["id"]) == (201, vic.id)
    with pytest.raises(SignInRefused):
        await company.sign_in("vic", NEW)
    await company.sign_in("vic")
    await company.refresh(tokens.refresh_token)
    assert await stated(facts, events_pb2.PasswordSet) == []


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_gw_11_a_feed_gives_nobody_in_use_another_password(
    hr: Feed, company: Any, facts: Facts, method: str
) -> None:
    made = await hr.hire("ann", password=PASSWORD)
    if method == "PATCH":
        told = await hr.patch(made["id"], replacing("password", NEW), replacing("title", "T"))
    else:
        body = user("ann", password=NEW, title="T")
        told = await hr.ask("PUT", f"/Users/{made['id']}", body)

    assert told.error == (400, "mutability")
    assert "administrator" in told.body["detail"]
    await company.sign_in("ann")
    person = await company.store.people.get(made["id"], tenant_id=company.tenant.id)
    assert person.title == ""
    assert await stated(facts, events_pb2.PasswordSet) == []


async def test_gw_11_a_feed_gives_no_password_to_people_of_a_provider(
    hr: Feed, company: Any
) -> None:
    await provide(company)
    ann = await company.hire("ann")
    await link(company, ann)
    imported = Imported(external_id="acme:7", handle="bob", display_name="Bob")
    await operations.import_people(
        company.store, company.hashes, actor=company.actor, imported=[imported], now=company.now
    )
    for handle in ("ann", "bob"):
        told = await hr.ask("POST", "/Users", user(handle, password=NEW))
        assert told.status == 201
        told = await hr.patch(told.body["id"], replacing("password", NEW))
        assert told.error == (400, "mutability")
        with pytest.raises(SignInRefused):
            await company.sign_in(handle, NEW)


async def test_gw_11_a_first_password_by_the_feed_is_in_the_ledger(
    hr: Feed, company: Any, facts: Facts
) -> None:
    made = await hr.hire("ann")
    assert (await hr.patch(made["id"], replacing("password", NEW))).status == 200
    await company.sign_in("ann", NEW)
    (account,) = {actor for _, _, actor in await stated(facts, events_pb2.PasswordSet)}
    assert await stated(facts, events_pb2.PasswordSet) == [(made["id"], "feed", account)]
    assert account != company.admin.id
    # From now on the account is in use.
    told = await hr.patch(made["id"], replacing("password", "another-oboe-91"))
    assert told.error == (400, "mutability")


async def test_gw_11_a_feed_gives_nobody_in_use_an_address_that_a_provider_links_by(
    hr: Feed, company: Any, facts: Facts
) -> None:
    await provide(company)
    ann = await hr.hire("ann", password=PASSWORD)
    told = await hr.patch(ann["id"], replacing("emails", address("mallory@acme.example")))
    assert told.error == (400, "mutability")
    await company.hire("vic", password=PASSWORD, email="vic@x.example")
    body = user("vic", emails=address("mallory@acme.example"))
    assert (await hr.ask("POST", "/Users", body)).error == (400, "mutability")
    assert await stated(facts, events_pb2.SignInEmailSet) == []
    # No provider links by another address, and none links a person again whom it knows.
    elsewhere = await hr.patch(ann["id"], replacing("emails", address("ann@y.example")))
    assert elsewhere.status == 200
    await link(company, await company.store.people.get(ann["id"], tenant_id=company.tenant.id))
    known = await hr.patch(ann["id"], replacing("emails", address("ann@acme.example")))
    assert known.status == 200
    assert await stated(facts, events_pb2.SignInEmailSet) == []


async def test_gw_11_an_address_for_somebody_without_account_is_in_the_ledger(
    hr: Feed, company: Any, facts: Facts
) -> None:
    await provide(company)
    made = await hr.hire("ann")
    told = await hr.patch(made["id"], replacing("emails", address("ann@acme.example")))
    assert told.status == 200
    ((person_id, reason, actor),) = await stated(facts, events_pb2.SignInEmailSet)
    assert (person_id, reason) == (made["id"], "feed")
    assert actor != company.admin.id


async def test_gw_11_an_external_id_that_a_provider_knows_ends_the_sessions_of_an_account(
    hr: Feed, company: Any, facts: Facts
) -> None:
    await provide(company, "scim")
    vic = await company.hire("vic", password=PASSWORD)
    tokens = await company.sign_in("vic")
    told = await hr.ask("POST", "/Users", user("vic", externalId="mallory"))
    assert (told.status, told.body["id"]) == (201, vic.id)
    with pytest.raises(RefreshRefused):
        await company.refresh(tokens.refresh_token)
    ((person_id, reason, _),) = await stated(facts, events_pb2.SignInEmailSet)
    assert (person_id, reason) == (vic.id, "feed: external id")


async def test_gw_11_an_import_gives_nobody_in_use_an_address_that_a_provider_links_by(
    company: Any, facts: Facts
) -> None:
    await provide(company)

    async def bring(*emails: str) -> None:
        people = [
            Imported(
                external_id=f"hr:{number}",
                handle=f"u{number}",
                display_name="U",
                email=email,
                password=PASSWORD if number == 0 else "",
            )
            for number, email in enumerate(emails)
        ]
        await operations.import_people(
            company.store, company.hashes, actor=company.actor, imported=people, now=company.now
        )

    await bring("a@x.example", "b@x.example")
    with pytest.raises(InvalidArgument) as refusal:
        await bring("mallory@acme.example", "b@acme.example")
    assert refusal.value.metadata["field"] == "people[0].email"
    assert await stated(facts, events_pb2.SignInEmailSet) == []
    await bring("a@y.example", "b@acme.example")
    ((_, reason, actor),) = await stated(facts, events_pb2.SignInEmailSet)
    assert (reason, actor) == ("import", company.admin.id)
