"""Handles that no person may have, and handles that change: on a real database."""

from typing import Any

import pytest
from directory.people import operations, queries
from directory.people.domain.handles import RESERVED
from directory.people.domain.people import Changes, Person
from directory.people.domain.refusals import HandleReserved, HandleTaken
from directory.shared.domain.refusals import PersonNotFound
from plexus.directory.v1 import events_pb2
from plexus_sdk.mentions import EVERYONE
from plexuskit.errors import InvalidArgument


async def rename(company: Any, person: Person, handle: str) -> Person:
    return await operations.update_person(
        company.store,
        actor=company.actor,
        person_id=person.id,
        changes=Changes(handle=handle),
        expected_version=0,
        request=None,
        now=company.now,
    )


async def found(company: Any, handle: str) -> str:
    person = await queries.get_person(company.store, actor=company.actor, handle=handle)
    return person.id


def test_clients_mention_everyone_by_the_words_that_are_no_handles() -> None:
    assert set(EVERYONE) == RESERVED


@pytest.mark.parametrize(
    "handle", ["all", "All", "ＡＬＬ", "a.l.l", "all_", "here", "everyone", "channel", "所有人"]
)
async def test_msg_13_a_word_that_mentions_everyone_is_no_handle(company: Any, handle: str) -> None:
    with pytest.raises(HandleReserved):
        await company.hire(handle)
    li = await company.hire("li")
    with pytest.raises(HandleReserved):
        await rename(company, li, handle)


@pytest.mark.parametrize("handle", ["li.", "li_", "li..na", "li.-na"])
async def test_a_new_handle_is_none_that_a_sentence_would_swallow(
    company: Any, handle: str
) -> None:
    with pytest.raises(InvalidArgument):
        await company.hire(handle)


async def test_an_administrator_changes_a_handle_and_its_history_stays(
    company: Any, facts: Any
) -> None:
    li = await company.hire("li")
    for handle in ("li.na", "Li.Wang"):
        li = await rename(company, li, handle)
    assert (li.handle, [each.handle for each in li.former_handles]) == (
        "li.wang",
        ["li", "li.na"],
    )
    changed = [fact for fact in await facts() if fact.scope == li.id][-1]
    shown = events_pb2.PersonChanged.FromString(changed.fact).person
    assert [each.handle for each in shown.former_handles] == ["li", "li.na"]
    assert {await found(company, each) for each in ("li", "LI.NA", "li.wang")} == {li.id}
    people = await queries.batch_get_people(
        company.store, actor=company.actor, person_ids=[], handles=["li", "li.wang"]
    )
    assert [person.id for person in people] == [li.id]


async def test_a_former_handle_goes_to_nobody_else_and_can_be_taken_back(company: Any) -> None:
    li, bo = await company.hire("li"), await company.hire("bo")
    await rename(company, li, "li.na")
    with pytest.raises(HandleTaken):
        await company.hire("li")
    with pytest.raises(HandleTaken):
        await rename(company, bo, "li")
    with pytest.raises(HandleTaken):
        await rename(company, bo, "li.na")
    back = await rename(company, li, "li")
    assert [each.handle for each in back.former_handles] == ["li.na"]
    with pytest.raises(PersonNotFound):
        await found(company, "li.nobody")
