"""Letting groups follow what changes around them, inside the transaction of the change."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from plexuskit.mongo import Transaction

from directory import events
from directory.domain import groups
from directory.domain.groups import Group
from directory.domain.ids import DepartmentId, GroupId, PersonId, TenantId
from directory.domain.people import Person
from directory.store import Store


async def regroup(
    store: Store,
    *,
    among: Collection[str] | None,
    left: Sequence[Person] = (),
    touched: Sequence[Group] = (),
    tenant_id: TenantId,
    actor_id: str,
    now: datetime,
    tx: Transaction,
) -> None:
    """Bring the membership of groups up to what people and departments are now; one fact each.

    In: whose belonging may be another, None for anybody when departments stand elsewhere; who was
    deactivated, and so leaves groups by name as well; groups that changed themselves, at their next
    version, whose rules are asked anew for everybody.

    Raises:
        GroupTooLarge: more than 10,000 people would belong to a group.
    """
    changed = {group.id: group for group in touched}
    moves: dict[GroupId, tuple[frozenset[PersonId], frozenset[PersonId]]] = {}

    by_rule = await store.groups.by_rule(tenant_id=tenant_id, tx=tx)
    current = [changed.get(group.id, group) for group in by_rule]
    below = await _below(store, current, tenant_id=tenant_id, tx=tx)
    for group in current:
        if group.rule is None or group.removed:
            continue
        whole = among is None or group.id in changed
        if among is None and not group.rule.department_ids and group.id not in changed:
            continue
        asked = None if whole else among
        wanted = await store.members.matching(
            group.rule, departments=below[group.id], among=asked, tenant_id=tenant_id, tx=tx
        )
        present = await store.members.of_group(group.id, tenant_id=tenant_id, among=asked, tx=tx)
        if wanted != present:
            moves[group.id] = (wanted - present, present - wanted)
            changed.setdefault(group.id, groups.next_version(group))

    by_name = await _left_by_name(store, left, rules=current, tenant_id=tenant_id, tx=tx)
    for group, gone in by_name:
        moves[group.id] = (frozenset(), gone)
        changed.setdefault(group.id, groups.next_version(group))

    for group_id, (joined, gone) in sorted(moves.items()):
        await store.members.join(group_id, joined, tx=tx)
        await store.members.leave(group_id, gone, tx=tx)
        group = changed[group_id]
        changed[group_id] = groups.sized(group, group.size + len(joined) - len(gone))
    await publish(store, list(changed.values()), actor_id=actor_id, now=now, tx=tx)


async def publish(
    store: Store, changed: Sequence[Group], *, actor_id: str, now: datetime, tx: Transaction
) -> None:
    """Store groups at their next version and state who belongs to each.

    Raises:
        GroupNameTaken: another group of the tenant has the name of one.
    """
    await store.groups.save_many(changed, tx=tx)
    for group in changed:
        members = await store.members.of_group(group.id, tenant_id=group.tenant_id, tx=tx)
        fact = events.group_changed(group, member_ids=members, actor_id=actor_id, now=now)
        await store.outbox.add(fact, tx=tx)


async def _below(
    store: Store, rules: Sequence[Group], *, tenant_id: TenantId, tx: Transaction
) -> Mapping[GroupId, Collection[DepartmentId]]:
    """Find the departments of each group's rule with all below them, in one query."""
    named = {
        department_id
        for group in rules
        if group.rule is not None
        for department_id in group.rule.department_ids
    }
    paths = await store.departments.paths_below(sorted(named), tenant_id=tenant_id, tx=tx)
    return {
        group.id: [
            department_id
            for department_id, path in paths.items()
            if group.rule is not None and not path.isdisjoint(group.rule.department_ids)
        ]
        for group in rules
    }


async def _left_by_name(
    store: Store,
    left: Sequence[Person],
    *,
    rules: Sequence[Group],
    tenant_id: TenantId,
    tx: Transaction,
) -> list[tuple[Group, frozenset[PersonId]]]:
    by_rule = {group.id for group in rules}
    named = sorted({id_ for person in left for id_ in person.group_ids if id_ not in by_rule})
    if not named:
        return []
    found = await store.groups.find_many(named, tenant_id=tenant_id, tx=tx)
    return [
        (group, frozenset(person.id for person in left if group.id in person.group_ids))
        for group in found
    ]
