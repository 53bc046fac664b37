"""Helpers for names, tasks and addresses: their requests and their refusals."""

# ruff: noqa: ARG001 - fixtures that only have to be there

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from plexus_sdk import (
    Client,
    NameAmbiguous,
    NameNotFound,
    Profiles,
    Refused,
    SignedOut,
    connect,
)
from plexus_sdk import conversations as conversations_module
from plexus_sdk.tasks import due_of

from .scripted import Gateway, person_profile


async def test_a_group_is_found_by_name_and_remembered_for_a_while(
    client: Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway.log("cnv_1", name="general")
    assert await client.conversations.resolve("general") == "cnv_1"
    assert await client.conversations.resolve("general") == "cnv_1"
    assert gateway.calls.count("ListConversations") == 1
    assert await client.conversations.resolve("cnv_whatever") == "cnv_whatever"

    monkeypatch.setattr(conversations_module, "REMEMBER_SECONDS", 0.0)
    fresh = Client(client.plexus)
    gateway.logs["cnv_1"].name = "renamed"
    assert await fresh.conversations.resolve("renamed") == "cnv_1"
    gateway.logs["cnv_1"].name = "another"
    with pytest.raises(NameNotFound):
        await fresh.conversations.resolve("renamed")


@pytest.mark.parametrize("name", ["@ann", "ann", "ANN", "per_ann"])
async def test_a_person_stands_for_the_direct_conversation(
    client: Client, gateway: Gateway, name: str
) -> None:
    assert await client.conversations.resolve(name) == "cnv_per_ann"
    sent = await client.messages.send(name, "hello")
    assert sent.conversation_id == "cnv_per_ann"


async def test_an_ambiguous_name_is_refused_with_its_candidates(
    client: Client, gateway: Gateway
) -> None:
    gateway.log("cnv_1", name="sales north")
    gateway.log("cnv_2", name="sales south")
    with pytest.raises(NameAmbiguous) as two_groups:
        await client.messages.send("sa", "hello")
    assert two_groups.value.candidates == ("cnv_1", "cnv_2")
    assert "SendMessage" not in gateway.calls


async def test_unknown_names_are_all_named(client: Client, gateway: Gateway) -> None:
    with pytest.raises(NameNotFound, match="no group called nowhere"):
        await client.messages.send("nowhere", "hello")
    with pytest.raises(NameNotFound, match="Nobody is called bob, @eve") as refused:
        await client.people.find(["ann", "bob", "@eve"])
    assert refused.value.reason == "PERSON_NOT_FOUND"


async def test_mentions_are_people_departments_and_all(client: Client, gateway: Gateway) -> None:
    mentions = await client.messages.mentions(["@ann", "dep_1", "all"])
    assert [each.WhichOneof("target") for each in mentions] == ["person_id", "department_id", "all"]
    assert mentions[0].person_id == "per_ann"


def test_tsk_03_a_due_date_is_a_day_or_an_instant_with_a_zone() -> None:
    assert due_of(date(2026, 12, 4)).date == "2026-12-04"
    assert due_of(datetime(2026, 12, 4, 9, tzinfo=UTC)).at.seconds == 1796374800
    with pytest.raises(ValueError, match="time zone"):
        due_of(datetime(2026, 12, 4, 9))  # noqa: DTZ001 - the refused value


# --- connect


async def test_a_bot_connects_with_the_token_of_its_environment(
    address: str, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEXUS_URL", address)
    monkeypatch.setenv("PLEXUS_TOKEN", "plx_environment")
    async with connect() as client:
        assert (await client.people.me()).handle == "me"
    assert gateway.bearers == ["Bearer plx_environment"]
    async with connect(token="plx_given") as client:
        await client.people.me()
    assert gateway.bearers[-1] == "Bearer plx_given"


async def test_a_token_needs_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLEXUS_URL", raising=False)
    with pytest.raises(Refused, match="PLEXUS_URL"):
        async with connect(token="plx_token"):
            raise AssertionError("entered")


async def test_a_person_connects_with_a_profile(
    address: str,
    gateway: Gateway,
    profiles: Profiles,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("PLEXUS_TOKEN", raising=False)
    with pytest.raises(SignedOut, match="plexus login"):
        async with connect(profiles=profiles):
            raise AssertionError("entered")
    profiles.save(person_profile(address, expires_at=4e9), default=True)
    monkeypatch.setenv("PLEXUS_TOKEN", "plx_not_this_one")
    async with connect(profile="me", profiles=profiles) as client:
        await client.people.me()
    assert gateway.bearers == ["Bearer access 0"]
    with pytest.raises(Refused, match=r"none\.pem cannot be read"):
        async with connect("grpcs://127.0.0.1:1", token="t", authority=tmp_path / "none.pem"):
            raise AssertionError("entered")
