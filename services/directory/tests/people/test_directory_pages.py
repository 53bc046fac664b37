"""Lists end a page by bytes as well as by number, and continue by position (MSG-21)."""

import pytest
from directory.people import operations, queries
from directory.people.domain import groups
from directory.people.domain.posts import Post
from directory.people.events import group_to_proto, person_to_proto
from directory.people.operations import GroupDraft
from plexuskit.paging import MAX_PAGE_BYTES

PEOPLE = 120


async def pages(ask):
    """Read every page; give the items, and the bytes of each page's messages."""
    items, sizes, token = [], [], ""
    while True:
        page, token = await ask(token)
        items += page
        sizes.append(page)
        if not token:
            return items, sizes


@pytest.mark.rule("MSG-21")
async def test_people_with_long_posts_and_skills_come_in_pages_below_two_mebibytes(company):
    department = await company.department("North")
    posts = [Post(department, f"{number:02}{'长' * 98}") for number in range(20)]
    skills = [f"{number:02}{'术' * 98}" for number in range(50)]
    first = await company.hire("p000", department_ids=[department], posts=posts, skills=skills)
    group = await operations.create_group(
        company.store,
        actor=company.actor,
        draft=GroupDraft(name="All", member_ids=[first.id]),
        request=None,
        now=company.now,
    )
    for number in range(1, PEOPLE):
        await company.hire(f"p{number:03}", department_ids=[department], posts=posts, skills=skills)

    everybody, sizes = await pages(
        lambda token: queries.list_people(
            company.store,
            actor=company.actor,
            page_size=1_000,
            page_token=token,
            department_id=department,
            query="",
            include_deactivated=False,
        )
    )
    members, _ = await pages(
        lambda token: queries.list_group_members(
            company.store,
            actor=company.actor,
            group_id=group.id,
            page_size=1_000,
            page_token=token,
        )
    )

    assert [person.handle for person in everybody] == [f"p{n:03}" for n in range(PEOPLE)]
    assert len(sizes) > 1
    for page in sizes:
        assert sum(person_to_proto(each).ByteSize() for each in page) <= MAX_PAGE_BYTES
    assert [person.id for person in members] == [first.id]


@pytest.mark.rule("MSG-21")
async def test_groups_with_long_rules_come_in_pages_below_two_mebibytes(company):
    titles = [f"{number:03}{'长' * 97}" for number in range(200)]
    for number in range(30):
        rule = groups.rule(department_ids=[], titles=titles, skills=titles, locales=[], kinds=[])
        await operations.create_group(
            company.store,
            actor=company.actor,
            draft=GroupDraft(name=f"Group {number:02}", rule=rule),
            request=None,
            now=company.now,
        )

    found, sizes = await pages(
        lambda token: queries.list_groups(
            company.store,
            actor=company.actor,
            page_size=1_000,
            page_token=token,
            person_id="",
        )
    )

    assert [group.name for group in found] == [f"Group {number:02}" for number in range(30)]
    assert len(sizes) > 1
    for page in sizes:
        assert sum(group_to_proto(each).ByteSize() for each in page) <= MAX_PAGE_BYTES
