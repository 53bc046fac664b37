"""Queries of groups for the feed; there are few, so filters are applied one by one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from plexuskit.paging import cut
from scim2_models import NotFoundException, SearchRequest, TooManyException
from scim2_models.path import AttrPath, FilterVisitor, LogicalExpr, Not, Present, ValuePath
from scim2_models.path import Comparison as Compared

from directory.people.domain.groups import Group
from directory.scim.domain import resources
from directory.scim.domain.groups import resource
from directory.scim.domain.resources import DEFAULT_RESULTS, MAX_RESULTS
from directory.scim.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import GroupId, PersonId
from directory.shared.domain.refusals import GroupNotFound

PERMISSION: Final = "people.provision"
# More are not examined one by one, and fewer if each needs a query of its members.
MAX_GROUPS: Final = 5_000
MAX_WITH_MEMBERS: Final = 500
# JSON of a group without its members, and of each member with its address.
_GROUP_BYTES: Final = 3_000
_MEMBER_BYTES: Final = 200


async def get_feed_group(
    store: Store, *, actor: Actor, group_id: str, now: datetime
) -> tuple[Group, frozenset[PersonId]]:
    """Load a group with its members.

    Raises:
        PermissionMissing: the actor may not provision people.
        NotFoundException: there is no such group.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)
    try:
        group = await store.groups.get(group_id, tenant_id=actor.tenant_id)
    except GroupNotFound as absent:
        raise NotFoundException(detail="There is no such resource.") from absent
    return group, await store.members.of_group(group.id)


async def list_feed_groups(
    store: Store,
    *,
    actor: Actor,
    asked: SearchRequest[Any],
    base_url: str,
    members: bool,
    now: datetime,
) -> tuple[list[resources.Group], int]:
    """Find groups, a page of them; out: the page, with members if they are wanted, and the number.

    Raises:
        PermissionMissing: the actor may not provision people.
        TooManyException: there are too many groups to look at each.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)
    found = {
        group.id: group
        async for group in store.groups.stream(tenant_id=actor.tenant_id)
        if not group.removed
    }
    by_members = asked.filter is not None and _Mentions("members").visit(asked.filter.ast)
    if len(found) > (MAX_WITH_MEMBERS if by_members else MAX_GROUPS):
        raise TooManyException
    known = await store.members.of_groups(found) if by_members else {}

    matching = [
        shown
        for group in sorted(found.values(), key=lambda group: group.id)
        if asked.filter is None
        or asked.filter.match(resource(group, known.get(group.id, ()), base_url=base_url))
        for shown in [resource(group, (), base_url=base_url)]
    ]
    ordered = asked.sort(matching)
    start = (asked.start_index or 1) - 1
    count = DEFAULT_RESULTS if asked.count is None else min(asked.count, MAX_RESULTS)
    asked_for = [found[GroupId(str(shown.id))] for shown in ordered[start : start + count]]
    page, _ = cut(asked_for, limit=MAX_RESULTS, size_of=partial(_size, members=members))
    if members and not by_members:
        known = await store.members.of_groups(group.id for group in page)
    shown = [resource(group, known.get(group.id, ()), base_url=base_url) for group in page]
    return shown, len(ordered)


async def groups_of(
    store: Store, person_ids: Sequence[PersonId], *, actor: Actor, now: datetime
) -> Mapping[PersonId, Sequence[Group]]:
    """Find which groups people belong to, by person.

    Raises:
        PermissionMissing: the actor may not provision people.
    """
    await store.grants.holding_everywhere(actor, PERMISSION, now=now)
    people = await store.people.find_many(
        tenant_id=actor.tenant_id, person_ids=person_ids, handles=()
    )
    named = sorted({group_id for person in people for group_id in person.group_ids})
    found = {
        group.id: group
        for group in (
            await store.groups.find_many(named, tenant_id=actor.tenant_id) if named else ()
        )
    }
    return {
        person.id: [found[group_id] for group_id in person.group_ids if group_id in found]
        for person in people
    }


def _size(group: Group, *, members: bool) -> int:
    """Return about how many bytes of JSON a group takes."""
    return _GROUP_BYTES + (group.size * _MEMBER_BYTES if members else 0)


class _Mentions(FilterVisitor[bool]):
    """Visitor that finds out if a filter refers to an attribute."""

    def __init__(self, name: str) -> None:
        self._name = name

    def visit_comparison(self, node: Compared) -> bool:
        return self._is(node.attr_path)

    def visit_present(self, node: Present) -> bool:
        return self._is(node.attr_path)

    def visit_not(self, node: Not) -> bool:
        return self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> bool:
        return any(self.visit(term) for term in node.terms)

    def visit_value_path(self, node: ValuePath) -> bool:
        return self._is(node.attr_path)

    def _is(self, path: AttrPath) -> bool:
        return path.attr.lower() == self._name
