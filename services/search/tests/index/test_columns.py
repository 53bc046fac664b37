"""Hidden parts of documents on a real index: they find, show, mark and sort nothing (GW-3)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from plexus_access.masks import Masks
from search.domain.access import Readable
from search.domain.columns import WHOLE, Parts, parts_of
from search.domain.query import parse
from search.kinds.message import TYPE as MESSAGE
from search.kinds.person import TYPE as PERSON
from search.store import Filters, FoundPage, Store

COLUMNS = "plexus.directory.v1.Person"


@pytest.fixture
def people(message: Callable[..., Any], tenant: str) -> list[Any]:
    made = []
    for number, name in enumerate(("安娜", "安宁")):
        handle, email = f"an{number}", f"an{number}@plexus.example"
        made.append(
            replace(
                message("主任"),
                type=PERSON,
                id=f"per_{tenant}_{number}",
                containers=(f"tenant:{tenant}",),
                title=name,
                names=(handle, email),
                keys=(handle, email),
                details={"handle": handle, "email": email},
                labels=(),
            )
        )
    return made


@pytest.fixture
def seek(store: Store, tenant: str) -> Callable[..., Any]:
    async def sought(query: str, parts: Parts = WHOLE, **options: Any) -> FoundPage:
        filters = Filters(
            tenant_id=tenant,
            types=(PERSON, MESSAGE),
            readable=Readable(whole=frozenset({f"tenant:{tenant}"}), partly={}),
            parts={PERSON: parts},
        )
        return await store.search(
            parse(query), filters=filters, after=options.get("after"), limit=options.get("limit", 9)
        )

    return sought


@pytest.mark.rule("GW-3")
async def test_gw_03_a_hidden_part_neither_finds_nor_shows(
    people: list[Any], index: Callable[..., Any], seek: Callable[..., Any]
) -> None:
    await index(*people)
    masks = Masks({COLUMNS: frozenset({"id", "display_name", "title"})})
    without_address = parts_of(PERSON, masks)
    assert without_address == Parts(words=("title", "text"), keys=False, at=False)

    for query in ("an0@plexus.example", "an0"):
        assert [hit.id for hit in (await seek(query)).found] == [people[0].id]
        assert (await seek(query, without_address)).total == 0
    shown = (await seek("安娜", without_address)).found
    assert [(hit.id, hit.at) for hit in shown] == [(people[0].id, None)]

    nameless = parts_of(PERSON, Masks({COLUMNS: frozenset({"id", "title", "handle"})}))
    (hit, _) = (await seek("主任", nameless)).found
    assert (hit.text, [mark for mark in hit.highlights if "安" in mark]) == ("主任", [])


@pytest.mark.rule("GW-3")
async def test_gw_03_a_hidden_time_sorts_nothing_and_pages_go_on(
    people: list[Any], index: Callable[..., Any], seek: Callable[..., Any]
) -> None:
    later = replace(people[1], at=people[0].at + timedelta(days=1))
    await index(people[0], later)
    timeless = replace(WHOLE, at=False)

    assert [hit.id for hit in (await seek("主任")).found] == [later.id, people[0].id]
    first = await seek("主任", timeless, limit=1)
    second = await seek("主任", timeless, limit=1, after=first.found[-1].place)
    assert [hit.id for hit in (*first.found, *second.found)] == [people[0].id, later.id]
