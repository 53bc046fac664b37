"""Shared helpers of the access tests: short ways to change roles, bindings and policies."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from directory.access import operations, queries
from directory.people import operations as people_operations
from directory.people.domain.departments import Department
from directory.people.domain.people import Person
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.request_ids import Request

Facts = Callable[[], Awaitable[list[Envelope]]]
HR = ("people.manage", "roles.bind", "roles.read")
FORBID = 'forbid(principal, action == Plexus::Action::"tasks.create", resource);'


async def delete_role(company: Any, role_id: str, request: Request | None = None) -> None:
    await operations.delete_role(
        company.store, actor=company.actor, role_id=role_id, request=request, now=company.now
    )


async def unbind(company: Any, binding_id: str, request: Request | None = None) -> None:
    await operations.unbind_role(
        company.store, actor=company.actor, binding_id=binding_id, request=request, now=company.now
    )


async def bindings(company: Any, subject: str = "", scope: str = "") -> list[str]:
    found, _ = await queries.list_role_bindings(
        company.store,
        actor=company.actor,
        subject=subject,
        scope=scope,
        page_size=0,
        page_token="",
        now=company.now,
    )
    return [binding.id for binding in found]


async def department(company: Any, name: str, parent: str = "", external: str = "") -> Department:
    return await people_operations.create_department(
        company.store,
        actor=company.actor,
        name=name,
        parent_id=parent,
        external_id=external,
        request=None,
        now=company.now,
    )


async def put_policy(
    company: Any, name: str = "tasks", cedar: str = FORBID, version: int = 0, **rest: Any
):
    asked = {"enabled": True, "request": None, **rest}
    return await operations.put_access_policy(
        company.store,
        actor=company.actor,
        name=name,
        cedar=cedar,
        expected_version=version,
        now=company.now,
        **asked,
    )


async def set_module(company: Any, name: str, *, enabled: bool, exceptions: Sequence[str] = ()):
    return await operations.set_module(
        company.store,
        actor=company.actor,
        name=name,
        enabled=enabled,
        except_department_ids=exceptions,
        request=None,
        now=company.now,
    )


def as_(company: Any, person: Person, **changes: Any) -> Any:
    return replace(company, actor=replace(company.acting_as(person), **changes))


async def access_facts(facts: Facts) -> list[tuple[str, str, int]]:
    return [
        (fact.type.rpartition(".")[2], fact.scope, fact.change_no)
        for fact in await facts()
        if fact.type.rpartition(".")[2]
        in {"RoleChanged", "RoleBindingChanged", "AccessPolicyChanged", "ModuleChanged"}
    ]
