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
from directory.store.people import BY_GROUP, BY_ID, SCHEMA_VERSION

_BY_DEPARTMENT: Final = "tenant_department_handle"


class Members:
    """The people of departments and groups; who they are otherwise is the room of `People`."""

    def __init__(self, db: Database) -> None:
        self._people = db.collection("people", schema_version=SCHEMA_VERSION)

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
        wanted: dict[str, Any] = {"tenant_id": tenant_id, "group_ids": group_id}
        hint = BY_GROUP
        if among is not None:
            wanted["_id"] = {"$in": sorted(among)}
            hint = BY_ID
        return await self._ids(wanted, hint=hint, tx=tx)

    async def list_of_group(
        self, group_id: GroupId, *, tenant_id: TenantId, after: str, limit: int
    ) -> list[Person]:
        """List who belongs to a group in order of their handle, those after a handle only."""
        found = await self._people.find_all(
            {"tenant_id": tenant_id, "group_ids": group_id, "handle": {"$gt": after}},
            sort=[("handle", ASCENDING)],
            limit=limit,
            hint=BY_GROUP,
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
        await self._change(person_ids, {"$addToSet": {"group_ids": group_id}}, tx=tx)

    async def leave(
        self, group_id: GroupId, person_ids: Collection[str], *, tx: Transaction
    ) -> None:
        """Let people belong to a group no more."""
        await self._change(person_ids, {"$pull": {"group_ids": group_id}}, tx=tx)

    async def _change(
        self, person_ids: Collection[str], change: dict[str, Any], *, tx: Transaction
    ) -> None:
        if person_ids:
            await self._people.update_many({"_id": {"$in": sorted(person_ids)}}, change, tx=tx)

    async def _ids(
        self, wanted: dict[str, Any], *, hint: str | None, tx: Transaction | None
    ) -> frozenset[PersonId]:
        found = await self._people.find_all(wanted, projection={"_id": 1}, hint=hint, tx=tx)
        return frozenset(PersonId(document["_id"]) for document in found)
