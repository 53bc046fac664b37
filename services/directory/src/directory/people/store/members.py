"""Members of departments and groups: queries and changes of membership."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from plexuskit.mongo import ASCENDING, Database, ReplaceOne, Transaction, UpdateMany, Write
from plexuskit.paging import PageBudget
from plexuskit.turns import converted

from directory.people.domain.groups import Rule
from directory.people.domain.people import Person
from directory.people.domain.posts import Post
from directory.people.domain.rules import Matcher, Traits
from directory.people.store.documents import PEOPLE, posts_document
from directory.people.store.people import BY_HANDLE, BY_ID, SCHEMA_VERSION
from directory.shared.domain.actors import State
from directory.shared.domain.ids import DepartmentId, GroupId, PersonId, TenantId

_BY_DEPARTMENT: Final = "tenant_department_handle"
_TRAITS: Final = dict.fromkeys(
    (
        *("department_ids", "group_ids", "kind", "locale", "posts.title", "skills"),
        *("state", "title"),
    ),
    1,
)


class Members:
    """Members of departments and groups; `People` stores the people themselves.

    A person holds the list of their groups, and each group the list of its members, so that both
    questions are one read; both change in one transaction. No index covers the groups of people:
    with one, 10,000 people who join by a rule would take longer than a transaction may.
    """

    def __init__(self, db: Database) -> None:
        self._people = db.collection("people", schema_version=SCHEMA_VERSION)
        self._lists = db.collection("group_members", schema_version=SCHEMA_VERSION)

    async def provision(self) -> None:
        """Create the collection of lists; it is read by its key only."""
        await self._lists.ensure_indexes([])

    async def belonging(
        self,
        person_ids: Sequence[str],
        *,
        departments: Sequence[DepartmentId],
        groups: Sequence[str],
        tenant_id: TenantId,
        now: datetime,
    ) -> frozenset[str]:
        """Find which of the people are active and in one of these departments or groups.

        A guest whose time is over is not, whether or not that was noticed yet.
        """
        anywhere: list[dict[str, Any]] = []
        if departments:
            anywhere.append({"department_ids": {"$in": list(departments)}})
        if groups:
            anywhere.append({"group_ids": {"$in": list(groups)}})
        if not anywhere or not person_ids:
            return frozenset()
        found = await self._people.find_all(
            {
                "_id": {"$in": list(person_ids)},
                "tenant_id": tenant_id,
                "state": State.ACTIVE.value,
                "$or": anywhere,
                "$nor": [{"guest_expires_at": {"$lte": now}}],
            },
            projection={"_id": 1},
            hint=BY_ID,
        )
        return frozenset(document["_id"] for document in found)

    async def of_department(
        self, department_id: str, *, tenant_id: TenantId, limit: int, tx: Transaction
    ) -> list[Person]:
        """Load the people directly of a department, active or not."""
        found = await self._people.find_all(
            {"tenant_id": tenant_id, "department_ids": department_id},
            limit=limit,
            hint=_BY_DEPARTMENT,
            tx=tx,
        )
        return await converted(found, PEOPLE.from_document)

    async def matching(
        self,
        rules: Mapping[GroupId, Rule],
        *,
        below: Mapping[GroupId, Collection[DepartmentId]],
        tenant_id: TenantId,
        tx: Transaction,
    ) -> dict[GroupId, frozenset[PersonId]]:
        """Find the active people of the tenant that each of several rules gives, in one query.

        Args:
            rules: by the group whose rule it is.
            below: the departments of each rule with all below them.
            tenant_id: the tenant.
            tx: the transaction.
        """
        if not rules:
            return {}
        wanted: dict[str, Any] = {"tenant_id": tenant_id, "state": State.ACTIVE.value}
        hint = BY_HANDLE
        if all(rule.department_ids for rule in rules.values()):
            named = {department for group_id in rules for department in below[group_id]}
            wanted["department_ids"] = {"$in": sorted(named)}
            hint = _BY_DEPARTMENT
        wanted["$or"] = [_condition(rule, below[group_id]) for group_id, rule in rules.items()]
        found = await self._people.find_all(wanted, projection=_TRAITS, hint=hint, tx=tx)
        return _matches(found, rules, below=below)

    async def matching_among(
        self,
        person_ids: Collection[str],
        rules: Mapping[GroupId, Rule],
        *,
        below: Mapping[GroupId, Collection[DepartmentId]],
        tenant_id: TenantId,
        tx: Transaction,
    ) -> tuple[dict[GroupId, frozenset[PersonId]], dict[GroupId, frozenset[PersonId]]]:
        """Find which of some people each rule gives and which belong to its group, in one query.

        Args:
            person_ids: the people, active or not.
            rules: rules by group.
            below: the departments of each rule with all below them.
            tenant_id: the tenant.
            tx: the transaction.

        Returns: the people that each rule gives, and those that belong to its group now.
        """
        if not rules or not person_ids:
            return dict.fromkeys(rules, frozenset()), dict.fromkeys(rules, frozenset())
        found = await self._people.find_all(
            {"_id": {"$in": sorted(person_ids)}, "tenant_id": tenant_id},
            projection=_TRAITS,
            hint=BY_ID,
            tx=tx,
        )
        members: dict[str, set[PersonId]] = {group_id: set() for group_id in rules}
        for document in found:
            for group_id in members.keys() & set(document.get("group_ids", ())):
                members[group_id].add(PersonId(document["_id"]))
        active = [each for each in found if each["state"] == State.ACTIVE.value]
        return (
            _matches(active, rules, below=below),
            {group_id: frozenset(members[group_id]) for group_id in rules},
        )

    async def of_groups(
        self, group_ids: Iterable[GroupId], *, tx: Transaction | None = None
    ) -> dict[GroupId, frozenset[PersonId]]:
        """Find the members of each of several groups, in one query."""
        wanted = sorted(set(group_ids))
        found = await self._lists.find_all({"_id": {"$in": wanted}}, tx=tx) if wanted else []
        lists = {document["_id"]: frozenset(document["person_ids"]) for document in found}
        return {group_id: lists.get(group_id, frozenset()) for group_id in wanted}

    async def of_group(
        self, group_id: GroupId, *, tx: Transaction | None = None
    ) -> frozenset[PersonId]:
        """Find the members of a group."""
        return (await self.of_groups([group_id], tx=tx))[group_id]

    async def list_of_group(
        self, group_id: GroupId, *, tenant_id: TenantId, after: str, budget: PageBudget
    ) -> tuple[list[Person], bool]:
        """List the members of a group by handle, after one; return whether more follow."""
        listed = await self.of_group(group_id)
        found, more = await self._people.find_page(
            {"_id": {"$in": sorted(listed)}, "tenant_id": tenant_id, "handle": {"$gt": after}},
            budget=budget,
            sort=[("handle", ASCENDING)],
            hint=BY_ID,
        )
        return await converted(found, PEOPLE.from_document), more

    async def transfer(self, changed: Sequence[tuple[Person, Person]], *, tx: Transaction) -> None:
        """Store people whose departments and posts alone changed, as (before, after).

        One write for all people with the same ones, so that a whole department fits into the 3 s of
        a transaction.
        """
        alike: dict[tuple[tuple[DepartmentId, ...], tuple[Post, ...]], list[str]] = {}
        for _, after in changed:
            alike.setdefault((after.department_ids, after.posts), []).append(after.id)
        writes = [
            UpdateMany(
                {"_id": {"$in": person_ids}},
                {
                    "$set": {"department_ids": list(departments), "posts": posts_document(posts)},
                    "$inc": {"version": 1},
                },
            )
            for (departments, posts), person_ids in alike.items()
        ]
        await self._people.bulk(writes, tx=tx)

    async def move(
        self,
        moves: Mapping[GroupId, tuple[Collection[str], Collection[str]]],
        *,
        tx: Transaction,
    ) -> None:
        """Apply joins and leaves of groups, given as (joined, gone) of each group.

        Three commands for any number of groups: the people, their lists, the new lists.
        """
        current = await self.of_groups(moves, tx=tx)
        changes: list[Write] = []
        lists: list[Write] = []
        for group_id, (joined, gone) in moves.items():
            for operator, person_ids in (("$addToSet", joined), ("$pull", gone)):
                if person_ids:
                    chosen = {"_id": {"$in": sorted(person_ids)}}
                    changes.append(UpdateMany(chosen, {operator: {"group_ids": group_id}}))
            after = current[group_id].union(map(PersonId, joined)).difference(gone)
            if after != current[group_id]:
                document = {"_id": group_id, "person_ids": sorted(after)}
                lists.append(ReplaceOne({"_id": group_id}, document, upsert=True))
        await self._people.bulk(changes, tx=tx)
        await self._lists.bulk(lists, tx=tx)


def _condition(rule: Rule, departments: Collection[DepartmentId]) -> dict[str, Any]:
    """Return the filter for the people that a rule gives, but for tenant and state."""
    wanted: dict[str, Any] = {}
    if rule.department_ids:
        wanted["department_ids"] = {"$in": sorted(departments)}
    if rule.titles:
        titles = {"$in": list(rule.titles)}
        wanted["$or"] = [{"title": titles}, {"posts.title": titles}]
    if rule.skills:
        wanted["skills"] = {"$in": list(rule.skills)}
    if rule.locales:
        wanted["locale"] = {"$in": list(rule.locales)}
    if rule.kinds:
        wanted["kind"] = {"$in": [kind.value for kind in rule.kinds]}
    return wanted


def _matches(
    people: Iterable[Mapping[str, Any]],
    rules: Mapping[GroupId, Rule],
    *,
    below: Mapping[GroupId, Collection[DepartmentId]],
) -> dict[GroupId, frozenset[PersonId]]:
    matcher = Matcher(map(_traits, people))
    return {
        group_id: matcher.matching(rule, departments=below[group_id])
        for group_id, rule in rules.items()
    }


def _traits(document: Mapping[str, Any]) -> Traits:
    """Read the traits that rules match; older documents may lack a field."""
    posts = [post["title"] for post in document.get("posts", ())]
    return Traits(
        person_id=PersonId(document["_id"]),
        department_ids=document["department_ids"],
        titles=[document["title"], *posts],
        skills=document.get("skills", ()),
        locale=document["locale"],
        kind=document["kind"],
    )
