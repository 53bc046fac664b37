"""Update of groups after changes of people and departments, inside the change's transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from plexuskit.mongo import Transaction

from directory.people import events
from directory.people.domain import groups
from directory.people.domain.groups import Group
from directory.people.domain.people import Person
from directory.people.store import Store
from directory.shared.domain.ids import DepartmentId, GroupId, PersonId, TenantId

Move = tuple[frozenset[PersonId], frozenset[PersonId]]
"""People who join a group and people who leave it."""


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
    """Update the membership of groups to the current people and departments; one fact each.

    In: people whose membership may have changed, None for all people when departments moved; people
    who were deactivated, and so leave groups by name as well; groups that changed themselves, at
    their next version, whose rules are evaluated again for everyone.

    Raises:
        GroupTooLarge: more than 10,000 people would belong to a group.
    """
    changed = {group.id: group for group in touched}
    by_rule = await store.groups.by_rule(tenant_id=tenant_id, tx=tx)
    current = [changed.get(group.id, group) for group in by_rule]
    moves = await _by_rule(
        store, current, among=among, anew=changed.keys(), tenant_id=tenant_id, tx=tx
    )
    for group in current:
        if group.id in moves:
            changed.setdefault(group.id, groups.next_version(group))

    by_name = await _left_by_name(store, left, rules=current, tenant_id=tenant_id, tx=tx)
    for group, gone in by_name:
        moves[group.id] = (frozenset(), gone)
        changed.setdefault(group.id, groups.next_version(group))

    await store.members.move(moves, tx=tx)
    for group_id, (joined, gone) in moves.items():
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
    members = await store.members.of_groups((group.id for group in changed), tx=tx)
    facts = [
        events.group_changed(group, member_ids=members[group.id], actor_id=actor_id, now=now)
        for group in changed
    ]
    await store.outbox.add(*facts, tx=tx)


async def _by_rule(
    store: Store,
    current: Sequence[Group],
    *,
    among: Collection[str] | None,
    anew: Collection[GroupId],
    tenant_id: TenantId,
    tx: Transaction,
) -> dict[GroupId, Move]:
    """Find the people who join and leave groups by their rules, in a constant number of queries.

    Args:
        store: the service's database.
        current: the groups by rule.
        among: people whose membership may have changed, None for all.
        anew: groups whose rules are evaluated again for everyone.
        tenant_id: the tenant.
        tx: the transaction.
    """
    below = await _below(store, current, tenant_id=tenant_id, tx=tx)
    rules = {
        group.id: group.rule for group in current if group.rule is not None and not group.removed
    }
    whole = {
        group_id: rule
        for group_id, rule in rules.items()
        if group_id in anew or (among is None and rule.department_ids)
    }
    wanted = await store.members.matching(whole, below=below, tenant_id=tenant_id, tx=tx)
    members = await store.members.of_groups(whole, tx=tx)
    if among is not None:
        rest = {group_id: rules[group_id] for group_id in rules.keys() - whole.keys()}
        given, belonging = await store.members.matching_among(
            among, rest, below=below, tenant_id=tenant_id, tx=tx
        )
        wanted, members = wanted | given, members | belonging
    return {
        group_id: (wanted[group_id] - members[group_id], members[group_id] - wanted[group_id])
        for group_id in sorted(wanted)
        if wanted[group_id] != members[group_id]
    }


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
