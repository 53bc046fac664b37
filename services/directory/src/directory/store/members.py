"""Who belongs to departments and groups: queries and changes of membership on the people."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from plexuskit.mongo import ASCENDING, Database, Transaction

from directory.domain.groups import Rule
from directory.domain.ids import DepartmentId, GroupId, PersonId, TenantId
from directory.domain.people import Person, State
from directory.domain.posts import Post
from directory.store.documents import person_from, posts_document
from directory.store.people import BY_ID, SCHEMA_VERSION

_BY_DEPARTMENT: Final = "tenant_department_handle"


class Members:
    """The people of departments and groups; who they are otherwise is the room of `People`.

    Groups stand on their people, for whoever asks about a person, and as a list of each group's,
    for whoever asks about a group; both change in one transaction. No index holds what people
    belong to: with one, 10,000 who join by a rule would take longer than a transaction may.
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
        return [person_from(document) for document in found]

    async def matching(
        self,
        rule: Rule,
        *,
        departments: Collection[DepartmentId],
        among: Iterable[str] | None,
        tenant_id: TenantId,
        tx: Transaction,
    ) -> frozenset[PersonId]:
        """Find the active people that a rule gives, of everybody or of some.

        In: the rule's departments with all below them.
        """
        wanted: dict[str, Any] = {"tenant_id": tenant_id, "state": State.ACTIVE.value}
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
        hint = None
        if among is not None:
            wanted["_id"] = {"$in": sorted(among)}
            hint = BY_ID
        return await self._ids(wanted, hint=hint, tx=tx)

    async def of_group(
        self,
        group_id: GroupId,
        *,
        tenant_id: TenantId,
        among: Iterable[str] | None = None,
        tx: Transaction | None = None,
    ) -> frozenset[PersonId]:
        """Find who belongs to a group, of everybody or of some."""
        if among is None:
            return await self._listed(group_id, tx=tx)
        wanted = {"_id": {"$in": sorted(among)}, "tenant_id": tenant_id, "group_ids": group_id}
        return await self._ids(wanted, hint=BY_ID, tx=tx)

    async def list_of_group(
        self, group_id: GroupId, *, tenant_id: TenantId, after: str, limit: int
    ) -> list[Person]:
        """List who belongs to a group in order of their handle, those after a handle only."""
        listed = await self._listed(group_id, tx=None)
        found = await self._people.find_all(
            {"_id": {"$in": sorted(listed)}, "tenant_id": tenant_id, "handle": {"$gt": after}},
            sort=[("handle", ASCENDING)],
            limit=limit,
            hint=BY_ID,
        )
        return [person_from(document) for document in found]

    async def transfer(self, changed: Sequence[tuple[Person, Person]], *, tx: Transaction) -> None:
        """Store people who changed in nothing but their departments and posts, as (before, after).

        One write for all who have the same ones now, so that a whole department fits into the 3 s
        of a transaction.
        """
        alike: dict[tuple[tuple[DepartmentId, ...], tuple[Post, ...]], list[str]] = {}
        for _, after in changed:
            alike.setdefault((after.department_ids, after.posts), []).append(after.id)
        for (departments, posts), person_ids in alike.items():
            change = {
                "$set": {"department_ids": list(departments), "posts": posts_document(posts)},
                "$inc": {"version": 1},
            }
            await self._people.update_many({"_id": {"$in": person_ids}}, change, tx=tx)

    async def join(
        self, group_id: GroupId, person_ids: Collection[str], *, tx: Transaction
    ) -> None:
        """Let people belong to a group."""
        if person_ids:
            change = {"$addToSet": {"group_ids": group_id}}
            await self._people.update_many({"_id": {"$in": sorted(person_ids)}}, change, tx=tx)
            present = await self._listed(group_id, tx=tx)
            await self._list(group_id, present.union(map(PersonId, person_ids)), tx=tx)

    async def leave(
        self, group_id: GroupId, person_ids: Collection[str], *, tx: Transaction
    ) -> None:
        """Let people belong to a group no more."""
        if person_ids:
            change = {"$pull": {"group_ids": group_id}}
            await self._people.update_many({"_id": {"$in": sorted(person_ids)}}, change, tx=tx)
            present = await self._listed(group_id, tx=tx)
            await self._list(group_id, present.difference(person_ids), tx=tx)

    async def _listed(self, group_id: GroupId, *, tx: Transaction | None) -> frozenset[PersonId]:
        found = await self._lists.find_one({"_id": group_id}, tx=tx)
        return frozenset(found["person_ids"]) if found else frozenset()

    async def _list(
        self, group_id: GroupId, person_ids: Collection[PersonId], *, tx: Transaction
    ) -> None:
        await self._lists.replace(
            {"_id": group_id},
            {"_id": group_id, "person_ids": sorted(person_ids)},
            upsert=True,
            tx=tx,
        )

    async def _ids(
        self, wanted: dict[str, Any], *, hint: str | None, tx: Transaction | None
    ) -> frozenset[PersonId]:
        found = await self._people.find_all(wanted, projection={"_id": 1}, hint=hint, tx=tx)
        return frozenset(PersonId(document["_id"]) for document in found)
