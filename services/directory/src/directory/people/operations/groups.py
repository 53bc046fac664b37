"""Creation, change and removal of groups, and membership by name."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from plexus_access.objects import GROUP, Object, Subject
from plexuskit.errors import InvalidArgument
from plexuskit.grpc import line_of
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction
from plexuskit.request_ids import Request

from directory.access.domain.grants import Grants
from directory.access.domain.refusals import GroupSelfChosen
from directory.access.operations.role_bindings import end_bindings_about
from directory.people.domain import groups
from directory.people.domain.groups import MAX_CHANGED, Group, Rule
from directory.people.domain.people import Person
from directory.people.domain.refusals import GroupByRule, PersonDeactivated
from directory.people.operations.memberships import publish, regroup
from directory.people.operations.rights import GROUPS, check_joining, managed_group, managed_home
from directory.people.store import Store
from directory.shared.domain.actors import Actor
from directory.shared.domain.ids import GroupId

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDraft:
    """Requested fields of a group: a rule, or people by id; `department_id` "" is the tenant."""

    name: str
    description: str = ""
    department_id: str = ""
    rule: Rule | None = None
    member_ids: Sequence[str] = ()
    external_id: str = ""


async def create_group(
    store: Store, *, actor: Actor, draft: GroupDraft, request: Request | None, now: datetime
) -> Group:
    """Create a group with its members, or return the one that already has its external id.

    Raises:
        PermissionMissing: the actor manages groups nowhere, or would make one of the tenant without
            managing all.
        GroupNameTaken: a group of the tenant has the name.
        DepartmentNotFound: the managing department, or one of the rule, is unknown or closed, or
            the actor manages no groups there.
        PersonNotFound: a member is not in the tenant.
        PersonDeactivated: a member is deactivated.
        GroupByRule: members are named beside a rule.
        GroupTooLarge: the rule matches more than 10,000 people.
        InvalidArgument: a field is not allowed, or more than 5,000 members are named.
        RequestIdReused: the request id was used with other content.
    """
    _check_count(draft.member_ids, field="member_ids")
    if draft.rule is not None and draft.member_ids:
        raise GroupByRule
    group_id = GroupId(new_id("grp", now=now))

    async def work(tx: Transaction) -> Group:
        grants = await store.grants.holding(actor, GROUPS, now=now, tx=tx)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.groups.get(answered["id"], tenant_id=actor.tenant_id, tx=tx)
        if draft.external_id:
            existing = await store.groups.find_by_external_id(
                draft.external_id, tenant_id=actor.tenant_id, tx=tx
            )
            if existing is not None:
                await managed_group(store, grants, existing.id, tenant_id=actor.tenant_id, tx=tx)
                await store.requests.record(request, {"id": existing.id}, now=now, tx=tx)
                return existing
        await managed_home(
            store,
            grants,
            draft.department_id,
            tenant_id=actor.tenant_id,
            permission=GROUPS,
            tx=tx,
        )
        await _check_rule(store, draft.rule, actor=actor, tx=tx)
        members = await _active(store, draft.member_ids, actor=actor, tx=tx)
        group = groups.create(
            group_id=group_id,
            tenant_id=actor.tenant_id,
            name=draft.name,
            description=draft.description,
            department_id=draft.department_id,
            by=draft.rule,
            external_id=draft.external_id,
            size=len(members),
        )
        await store.groups.add(group, tx=tx)
        await store.members.move({group.id: (members, ())}, tx=tx)
        return await _finish(store, group, actor=actor, request=request, now=now, tx=tx)

    made = await store.reorganise(actor.tenant_id, work, caller=line_of(actor.person_id))
    log.info("group.created", group_id=made.id, by=actor.person_id, size=made.size)
    return made


async def update_group(
    store: Store,
    *,
    actor: Actor,
    group_id: str,
    name: str | None,
    description: str | None,
    rule: Rule | None,
    expected_version: int,
    request: Request | None,
    now: datetime,
) -> Group:
    """Change a group's name, description or rule; nothing is written when nothing differs.

    Raises:
        PermissionMissing: the actor manages groups nowhere.
        GroupNotFound: there is none that the actor manages.
        GroupNameTaken: another group of the tenant has the name.
        GrantExceedsOwn: through another rule people would hold grants that the actor does not.
        GroupSelfChosen: a role is bound to it, and the rule uses fields that people edit
            themselves.
        GroupByName: a rule is given for a group without one.
        GroupTooLarge: the rule matches more than 10,000 people.
        DepartmentNotFound: a department of the rule is unknown or closed.
        VersionConflict: the group changed since `expected_version`.
        InvalidArgument: a field is not allowed.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> Group:
        grants = await store.grants.holding(actor, GROUPS, now=now, tx=tx)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.groups.get(answered["id"], tenant_id=actor.tenant_id, tx=tx)
        previous = await managed_group(store, grants, group_id, tenant_id=actor.tenant_id, tx=tx)
        after = groups.change(
            previous, name=name, description=description, by=rule, expected_version=expected_version
        )
        await _check_rule(store, rule, actor=actor, tx=tx)
        if after.rule != previous.rule:
            await _check_joining(store, grants, after, now=now, tx=tx)
            await _check_chosen(store, after, now=now, tx=tx)
        if after is previous:
            await store.requests.record(request, {"id": after.id}, now=now, tx=tx)
            return after
        return await _finish(store, after, actor=actor, request=request, now=now, tx=tx)

    return await store.reorganise(actor.tenant_id, work, caller=line_of(actor.person_id))


async def change_group_members(
    store: Store,
    *,
    actor: Actor,
    group_id: str,
    add_ids: Sequence[str],
    remove_ids: Sequence[str],
    request: Request | None,
    now: datetime,
) -> Group:
    """Add people to a group by name and remove others; a person in both lists is removed.

    Nothing is written if nothing changes.

    Raises:
        PermissionMissing: the actor manages groups nowhere.
        GroupNotFound: absent, or not managed by the actor.
        GroupByRule: its members follow its rule.
        GrantExceedsOwn: added people would hold grants that the actor does not.
        PersonNotFound: a person is not in the tenant.
        PersonDeactivated: a person to add is deactivated.
        GroupTooLarge: it would have more than 10,000 members.
        InvalidArgument: more than 5,000 people are named.
        RequestIdReused: the request id was used with other content.
    """
    _check_count([*add_ids, *remove_ids], field="add_ids")

    async def work(tx: Transaction) -> Group:
        grants = await store.grants.holding(actor, GROUPS, now=now, tx=tx)
        if answered := await store.requests.answer(request, now=now, tx=tx):
            return await store.groups.get(answered["id"], tenant_id=actor.tenant_id, tx=tx)
        group = await managed_group(store, grants, group_id, tenant_id=actor.tenant_id, tx=tx)
        if group.rule is not None:
            raise GroupByRule
        added = await _active(store, set(add_ids) - set(remove_ids), actor=actor, tx=tx)
        removed = await store.people.load_many(remove_ids, tenant_id=actor.tenant_id, tx=tx)
        joined = [id_ for id_, person in added.items() if group.id not in person.group_ids]
        gone = [id_ for id_, person in removed.items() if group.id in person.group_ids]
        if not joined and not gone:
            await store.requests.record(request, {"id": group.id}, now=now, tx=tx)
            return group
        if joined:
            await _check_joining(store, grants, group, now=now, tx=tx)
        await store.members.move({group.id: (joined, gone)}, tx=tx)
        size = group.size + len(joined) - len(gone)
        changed = groups.sized(groups.next_version(group), size)
        return await _finish(store, changed, actor=actor, request=request, now=now, tx=tx)

    return await store.reorganise(actor.tenant_id, work, caller=line_of(actor.person_id))


async def delete_group(
    store: Store, *, actor: Actor, group_id: str, request: Request | None, now: datetime
) -> None:
    """Remove a group: it has no members any more, its name is free, and its roles end.

    Raises:
        PermissionMissing: the actor manages groups nowhere.
        GroupNotFound: absent, or not managed by the actor.
        RequestIdReused: the request id was used with other content.
    """

    async def work(tx: Transaction) -> None:
        grants = await store.grants.holding(actor, GROUPS, now=now, tx=tx)
        if await store.requests.answer(request, now=now, tx=tx):
            return
        group = await managed_group(store, grants, group_id, tenant_id=actor.tenant_id, tx=tx)
        members = await store.members.of_group(group.id, tx=tx)
        await store.members.move({group.id: ((), members)}, tx=tx)
        removed = groups.remove(group)
        await store.requests.record(request, {"id": removed.id}, now=now, tx=tx)
        await publish(store, [removed], actor_id=actor.person_id, now=now, tx=tx)
        await end_bindings_about(
            store,
            Object(GROUP, group.id),
            tenant_id=actor.tenant_id,
            actor_id=actor.person_id,
            now=now,
            tx=tx,
        )

    await store.reorganise(actor.tenant_id, work, caller=line_of(actor.person_id))
    log.info("group.removed", group_id=group_id, by=actor.person_id)


async def _finish(
    store: Store,
    group: Group,
    *,
    actor: Actor,
    request: Request | None,
    now: datetime,
    tx: Transaction,
) -> Group:
    """Apply a group's rule to its members, store it with its fact, and record the request."""
    await regroup(
        store,
        among=(),
        touched=[group],
        tenant_id=actor.tenant_id,
        actor_id=actor.person_id,
        now=now,
        tx=tx,
    )
    stored = await store.groups.get(group.id, tenant_id=actor.tenant_id, tx=tx)
    await store.requests.record(request, {"id": stored.id}, now=now, tx=tx)
    return stored


async def _check_rule(store: Store, rule: Rule | None, *, actor: Actor, tx: Transaction) -> None:
    wanted = rule.department_ids if rule else ()
    await store.places.check_departments(wanted, tenant_id=actor.tenant_id, tx=tx)


async def _check_joining(
    store: Store, grants: Grants, group: Group, *, now: datetime, tx: Transaction
) -> None:
    await check_joining(
        store, grants, [Subject(GROUP, group.id)], tenant_id=group.tenant_id, now=now, tx=tx
    )


async def _check_chosen(store: Store, group: Group, *, now: datetime, tx: Transaction) -> None:
    """Check that no person can gain a role by editing their own profile."""
    if group.self_chosen:
        held = await store.grants.of_subjects(
            [Subject(GROUP, group.id)], tenant_id=group.tenant_id, now=now, tx=tx
        )
        if not held.empty:
            raise GroupSelfChosen


async def _active(
    store: Store, person_ids: Collection[str], *, actor: Actor, tx: Transaction
) -> dict[str, Person]:
    people = await store.people.load_many(person_ids, tenant_id=actor.tenant_id, tx=tx)
    for person in people.values():
        if not person.active:
            raise PersonDeactivated(person_id=person.id)
    return people


def _check_count(person_ids: Sequence[str], *, field: str) -> None:
    if len(person_ids) > MAX_CHANGED:
        raise InvalidArgument(field=field, problem=f"holds more than {MAX_CHANGED}")
