"""Filters: the grammar survives printing, and MongoDB finds what the reference finds."""

import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from directory.scim.domain.records import Record
from directory.scim.domain.resources import POLICY, USER
from directory.scim.store import query_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import ScimFilter
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from .conftest import ENTERPRISE
from .conftest import USER as SCHEMA

NOW = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)
# Few letters, so that values meet; with case, accents, width, patterns and ends of lines.
WORDS = st.sampled_from(
    ["", "a", "A", "ab", "aB\n", "b.a", "É", "é", "张", "张伟", "^a", "a$", "ab*", "Straße", "İ"]
)
TYPES = st.sampled_from(["work", "home"])
STRINGS = [
    AttrPath("userName"),
    AttrPath("displayName"),
    AttrPath("title"),
    AttrPath("externalId"),
    AttrPath("name", "familyName"),
    AttrPath("emails"),
    AttrPath("emails", "value"),
    AttrPath("phoneNumbers", "value"),
    AttrPath("phoneNumbers", "type"),
    AttrPath("department", None, ENTERPRISE),
    AttrPath("manager", "value", ENTERPRISE),
]
FLAGS = [AttrPath("active"), AttrPath("emails", "primary")]
PRESENT = [
    *STRINGS,
    *FLAGS,
    AttrPath("name"),
    AttrPath("phoneNumbers"),
    AttrPath("manager", None, ENTERPRISE),
]
EQUAL = [CompareOperator.eq, CompareOperator.ne]

comparisons = st.one_of(
    st.builds(Comparison, st.sampled_from(STRINGS), st.sampled_from(list(CompareOperator)), WORDS),
    st.builds(Comparison, st.sampled_from(STRINGS), st.sampled_from(EQUAL), st.none()),
    st.builds(Comparison, st.sampled_from(FLAGS), st.sampled_from(EQUAL), st.booleans()),
    st.builds(Present, st.sampled_from(PRESENT)),
)


def joined(children, least=2):
    terms = st.lists(children, min_size=least, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Not, children),
        st.builds(LogicalExpr, st.just(LogicalOperator.or_), terms),
        st.builds(LogicalExpr, st.just(LogicalOperator.and_), terms),
    )


inner = st.recursive(
    st.one_of(
        st.builds(
            Comparison, st.just(AttrPath("value")), st.sampled_from(list(CompareOperator)), WORDS
        ),
        st.builds(Comparison, st.just(AttrPath("type")), st.sampled_from(EQUAL), TYPES),
        st.builds(Comparison, st.just(AttrPath("primary")), st.sampled_from(EQUAL), st.booleans()),
        st.builds(Present, st.sampled_from([AttrPath("value"), AttrPath("display")])),
    ),
    joined,
    max_leaves=4,
)
selections = st.builds(
    ValuePath, st.sampled_from([AttrPath("emails"), AttrPath("phoneNumbers")]), inner
)
filters = st.recursive(st.one_of(comparisons, selections), joined, max_leaves=6)


@st.composite
def entries(draw):
    made = draw(
        st.lists(
            st.fixed_dictionaries({}, optional={"value": WORDS, "type": TYPES, "display": WORDS}),
            max_size=3,
        )
    )
    if made and draw(st.booleans()):
        made[0]["primary"] = draw(st.booleans())
    return made


@st.composite
def users(draw):
    body = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "displayName": WORDS,
                "title": WORDS,
                "active": st.booleans(),
                "name": st.fixed_dictionaries({}, optional={"familyName": WORDS}),
                "emails": entries(),
                "phoneNumbers": entries(),
                ENTERPRISE: st.fixed_dictionaries(
                    {},
                    optional={
                        "department": WORDS,
                        "manager": st.builds(lambda v: {"value": v}, WORDS),
                    },
                ),
            },
        )
    )
    return USER.model_validate(body | {"schemas": [SCHEMA]}, scim_policy=POLICY)


@given(filters)
@settings(deadline=None)
def test_the_grammar_survives_printing(node):
    printed = str(node)
    parsed = ScimFilter[USER](printed)
    assert str(parsed.ast) == printed
    assert ScimFilter[USER](str(parsed.ast)).ast == parsed.ast


def stored(number, user, tenant_id):
    user.user_name = f"{number}-{user.title or ''}"
    return Record(
        person_id=f"per_{number:03}",
        tenant_id=tenant_id,
        resource=json.loads(user.model_dump_json()),
        amended={},
        department_id=None,
        removed=False,
        created_at=NOW,
        changed_at=NOW,
        version=1,
    )


@pytest.mark.free_queries("filters that hypothesis makes, which no directory sends")
async def test_mongodb_finds_what_the_reference_finds(store, company):
    people, asked = [], []

    @given(st.lists(users(), max_size=2), st.lists(filters, min_size=1, max_size=4))
    @settings(
        max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    def draw(some, nodes):
        people.extend(some)
        asked.extend(nodes)

    draw()
    tenant_id = company.tenant.id
    records = [stored(number, user, tenant_id) for number, user in enumerate(people[:60])]

    async def save(tx):
        for record in records:
            await store.scim.add(record, tx=tx)

    await store.transact(save)
    found = 0
    for node in asked:
        scim_filter = ScimFilter[USER](str(node))
        page = await store.scim.list_matching(
            query_of(scim_filter),
            tenant_id=tenant_id,
            order=None,
            descending=False,
            skip=0,
            limit=100,
        )
        expected = [record.person_id for record in records if scim_filter.match(record.user())]
        assert [record.person_id for record in page.records] == expected, str(node)
        assert page.total == len(expected)
        found += 0 < len(expected) < len(records)
    # Otherwise the words did not match, and the test shows nothing.
    assert len(asked) > 100
    assert found > len(asked) // 5


UNANSWERABLE = [
    'password eq "x"',
    'groups.value eq "x"',
    'meta.location sw "h"',
    'schemas eq "x"',
    'name eq "x"',
    'nothing eq "x"',
    'emails[type.x eq "y"]',
    "active gt true",
    "userName",
    "userName eq",
    "(" * 400 + 'userName eq "a"' + ")" * 399,
    'userName eq "\\u0000"',
    'emails[emails[type eq "a"]]',
    "not (" * 60 + "title pr" + ")" * 60,
]


async def test_what_cannot_be_asked_is_an_invalid_filter(feed):
    for text in UNANSWERABLE:
        told = await feed.ask("GET", "/Users", query=f"filter={quote(text)}")
        assert told.error == (400, "invalidFilter"), text


async def test_lists_are_sorted_paged_and_cut_to_the_attributes_asked_for(feed):
    for name, title in (("ann", "b"), ("bob", None), ("cem", "A"), ("dan", "c")):
        extra = {"title": title} if title else {}
        await feed.hire(name, emails=[{"value": f"{title or 'z'}@x.cn", "primary": True}], **extra)

    async def names(query):
        told = await feed.ask("GET", "/Users", query=query)
        assert told.status == 200, told
        return [each["userName"] for each in told.body["Resources"]], told.body

    assert (await names("sortBy=title"))[0] == ["cem", "ann", "dan", "bob"]
    assert (await names("sortBy=title&sortOrder=descending"))[0] == ["bob", "dan", "ann", "cem"]
    assert (await names("sortBy=emails"))[0] == ["cem", "ann", "dan", "bob"]
    page, body = await names("sortBy=userName&startIndex=2&count=2")
    assert page == ["bob", "cem"]
    assert (body["totalResults"], body["startIndex"], body["itemsPerPage"]) == (4, 2, 2)
    assert (await names("count=0"))[1]["Resources"] == []
    assert (await names("startIndex=-3&count=1"))[1]["itemsPerPage"] == 1

    cut = await feed.ask("GET", "/Users", query="attributes=userName&filter=title%20eq%20%22B%22")
    assert [set(each) for each in cut.body["Resources"]] == [{"schemas", "id", "userName"}]
    without = await feed.ask("GET", "/Users", query="excludedAttributes=emails,meta&count=1")
    assert not {"emails", "meta"} & set(without.body["Resources"][0])
    search = {"filter": 'title pr and not (title sw "a")', "sortBy": "userName", "count": 5}
    found = await feed.ask("POST", "/Users/.search", search)
    assert [each["userName"] for each in found.body["Resources"]] == ["ann", "dan"]
    for bad in ("sortBy=name", "count=x", "attributes=a&attributes=b", "sortBy=nothing"):
        assert (await feed.ask("GET", "/Users", query=bad)).status == 400
