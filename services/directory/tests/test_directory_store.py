"""Indexes, shapes and expiry on a real database; the file of signing keys on a real disk."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from directory.accounts import queries as accounts_queries
from directory.app import Store
from directory.people import operations as people_operations
from directory.people import queries
from directory.people.domain.imports import Imported
from directory.people.domain.people import Changes
from directory.people.queries.authority import Ref
from directory.sign_in import operations
from directory.sign_in import queries as sign_in_queries
from directory.sign_in.domain.refusals import CodeRefused, NoWorkingProvider, SignInRefused
from plexuskit.mongo import Database, Transaction

from .requests_support import request

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
DAY = 86_400
PASSWORD = "correct horse"


async def write_everything(company: Any) -> tuple[str, str]:
    """Run every operation once; out: a department and a session that stays."""
    common = {"actor": company.actor, "now": company.now}
    department = await people_operations.create_department(
        company.store, name="采购", parent_id="", external_id="hr:1", request=request("r"), **common
    )
    li = await company.hire("li", password=PASSWORD, department_ids=[department.id])
    await people_operations.update_person(
        company.store,
        person_id=li.id,
        changes=Changes(title="x", roles=["admin"]),
        expected_version=1,
        request=None,
        **common,
    )
    imported = [
        Imported(external_id="hr:1", handle="li", display_name="x", password="tall stapler 1"),
        Imported(external_id="hr:2", handle="li", display_name="x"),
    ]
    await people_operations.import_people(
        company.store, company.hashes, imported=imported, **common
    )
    await company.refresh((await company.sign_in("li")).refresh_token)
    with pytest.raises(SignInRefused):
        await company.sign_in("li", "wrong password")
    await operations.set_password(
        company.store,
        company.hashes,
        person_id=li.id,
        old_password="",
        new_password="another one",
        reason="a test",
        **common,
    )
    await people_operations.deactivate_person(
        company.store, person_id=li.id, request=None, **common
    )
    tokens = await company.sign_in("root")
    await write_sign_in(company, company.acting_as(company.admin, session_id=tokens.session_id))
    return department.id, tokens.session_id


async def write_sign_in(company: Any, actor: Any) -> None:
    common = {"actor": actor, "now": company.now}
    made = await operations.create_api_token(
        company.store,
        name="x",
        person_id="",
        scopes=["people.read"],
        expires_at=company.now + timedelta(days=1),
        request=None,
        **common,
    )
    await operations.resolve_api_token(
        company.store, token_hash=made.token.token_hash, now=company.now
    )
    await operations.enroll_totp(
        company.store, company.hashes, sealing=company.sealing, password=PASSWORD, **common
    )
    with pytest.raises(CodeRefused):
        await operations.confirm_totp(company.store, sealing=company.sealing, code="1", **common)
    await operations.begin_passkey(
        company.store, company.hashes, passkeys=company.passkeys, password=PASSWORD, **common
    )
    await company.store.people.find_by_email("li@acme.example", tenant_id=actor.tenant_id)
    with pytest.raises(NoWorkingProvider):
        await operations.update_sign_in_policy(
            company.store,
            company.openid,
            actor=actor,
            local_accounts=False,
            second_factor_role_ids=["x"],
            expected_version=0,
            now=company.now,
        )


async def read_everything(company: Any, department_id: str, session_id: str) -> None:
    store, actor = company.store, company.actor
    for department, query, gone in (
        ("", "", False),
        ("", "l", False),
        (department_id, "", True),
        (department_id, "l", False),
    ):
        await queries.list_people(
            store,
            actor=actor,
            page_size=10,
            page_token="",
            department_id=department,
            query=query,
            include_deactivated=gone,
        )
    await queries.list_departments(store, actor=actor, page_size=10, page_token="")
    await queries.get_person(store, actor=actor, handle="root")
    await queries.batch_get_people(store, actor=actor, person_ids=["x"], handles=["root"])
    await queries.get_directory_status(store, actor=actor, now=company.now)
    await sign_in_queries.list_sessions(
        store, actor=actor, person_id="", page_size=0, page_token="", now=company.now
    )
    await sign_in_queries.list_second_factors(store, actor=actor)
    await sign_in_queries.get_sign_in_policy(store, actor=actor, now=company.now)
    await sign_in_queries.list_sign_in_options(store)
    await accounts_queries.find_ended_sessions(store, session_ids=[session_id], now=company.now)
    ids = {"tenant_id": actor.tenant_id, "person_id": actor.person_id}
    refs = [Ref(kind="person", id="x"), Ref(kind="department", id=department_id)]
    await queries.recheck(store, refs=refs, now=company.now, **ids)
    assert [found async for found in queries.snapshot(store, tenant_id=actor.tenant_id)]


async def test_changes_of_an_organisation_wait_instead_of_conflicting(company: Any) -> None:
    runs = 0

    async def work(_: Transaction) -> None:
        nonlocal runs
        runs += 1
        await asyncio.sleep(0)

    await asyncio.gather(
        *[company.store.reorganise(company.actor.tenant_id, work) for _ in range(8)]
    )
    assert runs == 8


async def test_no_query_walks_a_whole_collection(company: Any, db: Database) -> None:
    await db._database.command({"profile": 2})
    await read_everything(company, *await write_everything(company))
    await db._database.command({"profile": 0})
    profiled = await db._database["system.profile"].find({}).to_list()
    plans = {
        (entry["ns"].partition(".")[2], entry.get("planSummary", ""))
        for entry in profiled
        if not entry["ns"].endswith("system.profile")
    }
    assert len(plans) > 10
    assert [plan for plan in plans if "COLLSCAN" in plan[1]] == []
    # Pages come out of an index in their order: nothing is sorted in memory but merged departments.
    sorted_ = {
        entry["command"].get("find") for entry in profiled if entry.get("hasSortStage") is True
    }
    assert sorted_ <= {"people"}


async def test_every_document_says_the_version_of_its_shape(company: Any, db: Database) -> None:
    await write_everything(company)
    for name in await db.collection_names():
        documents = await db.collection(name, schema_version=1).find_all({})
        version = 2 if name == "requests" else 1
        assert all(document.get("schema_version") == version for document in documents), name


async def test_what_must_be_forgotten_expires(store: Store, db: Database) -> None:
    expiries = {}
    for name in await db.collection_names():
        for index in (await db._database[name].index_information()).values():
            if "expireAfterSeconds" in index:
                expiries[name, index["key"][0][0]] = index["expireAfterSeconds"]
    assert expiries["requests", "answered_at"] == 7 * DAY
    assert expiries["sessions", "expires_at"] == 7 * DAY
    assert expiries["sign_in_attempts", "counted_at"] == DAY
    assert expiries["sign_in_challenges", "expires_at"] == 0
    assert expiries["api_tokens", "expires_at"] == 7 * DAY
    # Provisioning again changes nothing and fails at nothing.
    await store.provision()
