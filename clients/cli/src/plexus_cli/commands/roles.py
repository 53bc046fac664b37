"""Roles, and who holds which for what."""

from typing import Annotated

import typer
from plexus.directory.v1 import access_service_pb2 as pb
from plexus.directory.v1.access_pb2 import FieldMask, Role, RoleBinding
from plexus_sdk import Plexus, Refused
from plexuskit.clock import SystemClock
from plexuskit.timestamps import timestamp

from plexus_cli import moments
from plexus_cli.commands import naming
from plexus_cli.commands.departments import new_request_id
from plexus_cli.context import me, run
from plexus_cli.output import as_dict, local, print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="Roles, and who holds which for what.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Which = Annotated[str, typer.Argument(help="Id or name of a role.")]
RequestId = Annotated[str | None, typer.Option("--id", help="Id for retries.")]
Permissions = Annotated[
    list[str] | None,
    typer.Option("--permission", help="For example people.manage; can be given again."),
]
Shows = Annotated[
    list[str] | None,
    typer.Option(
        "--show", help="Columns of a message: plexus.directory.v1.Person=id,handle; others hide."
    ),
]


@app.command("list")
def list_(json: Json = False) -> None:
    """List every role with its permissions, built-in ones first."""
    roles = run(all_roles)
    if json:
        print_json([as_dict(role) for role in roles])
        return
    rows = [
        (
            role.id,
            role.name,
            "built in" if role.built_in else role.description,
            ", ".join(role.permissions),
            "; ".join(f"{mask.message}={','.join(mask.fields)}" for mask in role.masks),
        )
        for role in roles
    ]
    print_table(f"{len(roles)} roles", ["id", "name", "", "permissions", "shows only"], rows)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Name of the role.")],
    permission: Permissions = None,
    description: str = "",
    show: Shows = None,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Make a role out of permissions that you hold yourself."""
    masks = [_mask(word) for word in show or []]

    async def work(plexus: Plexus) -> Role:
        request = pb.CreateRoleRequest(
            request_id=request_id or new_request_id(),
            name=name,
            description=description,
            permissions=permission or [],
            masks=masks,
        )
        return (await plexus.call(plexus.grants.CreateRole, request)).role

    _print(run(work), json=json)


@app.command()
def update(
    role: Which,
    name: Annotated[str | None, typer.Option(help="Its new name.")] = None,
    description: str | None = None,
    permission: Permissions = None,
    show: Shows = None,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Change a role; permissions and columns that are given replace the present ones."""
    masks = [_mask(word) for word in show or []]

    async def work(plexus: Plexus) -> Role:
        request = pb.UpdateRoleRequest(
            request_id=request_id or new_request_id(),
            role_id=(await find(plexus, role)).id,
            name=name,
            description=description,
            permissions=permission or [],
            set_permissions=permission is not None,
            masks=masks,
            set_masks=show is not None,
        )
        return (await plexus.call(plexus.grants.UpdateRole, request)).role

    _print(run(work), json=json)


@app.command()
def delete(role: Which, request_id: RequestId = None) -> None:
    """Remove a role, and take it away from everybody."""

    async def work(plexus: Plexus) -> str:
        found = await find(plexus, role)
        request = pb.DeleteRoleRequest(request_id=request_id or new_request_id(), role_id=found.id)
        await plexus.call(plexus.grants.DeleteRole, request)
        return found.name

    say(f"There is no role {run(work)} any more.")


@app.command()
def bind(
    role: Which,
    subject: Annotated[str, typer.Argument(help=naming.SUBJECT_HELP)],
    scope: Annotated[str, typer.Option(help=naming.SCOPE_HELP)] = "",
    until: Annotated[str | None, typer.Option(help=f"{moments.HELP} For ever without.")] = None,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Give a role to somebody for a scope and everything in it."""

    async def work(plexus: Plexus) -> RoleBinding:
        expires_at = None
        if until is not None:
            zone = moments.zone_of((await me(plexus)).time_zone)
            at = moments.parse(until, zone=zone, now=SystemClock().now())
            expires_at = timestamp(at)
        request = pb.BindRoleRequest(
            request_id=request_id or new_request_id(),
            role_id=(await find(plexus, role)).id,
            subject=await naming.subject_of(plexus, subject),
            scope=await naming.scope_of(plexus, scope),
            expires_at=expires_at,
        )
        return (await plexus.call(plexus.grants.BindRole, request)).binding

    binding = run(work)
    if json:
        print_json(as_dict(binding))
    else:
        say(binding.id)


@app.command()
def unbind(
    binding: Annotated[str, typer.Argument(help="Id of a binding; see `plexus roles bindings`.")],
    request_id: RequestId = None,
) -> None:
    """Take a role away."""

    async def work(plexus: Plexus) -> None:
        request = pb.UnbindRoleRequest(
            request_id=request_id or new_request_id(), binding_id=binding
        )
        await plexus.call(plexus.grants.UnbindRole, request)

    run(work)
    say("Taken away.")


@app.command("bindings")
def bindings_(
    of: Annotated[str, typer.Option("--of", help=naming.SUBJECT_HELP)] = "",
    scope: Annotated[str, typer.Option(help=naming.SCOPE_HELP)] = "",
    json: Json = False,
) -> None:
    """List who holds which role for what, the oldest first."""

    async def work(plexus: Plexus) -> tuple[list[RoleBinding], dict[str, str]]:
        found = await _bindings(
            plexus,
            subject=await naming.subject_of(plexus, of) if of else "",
            scope=await naming.scope_of(plexus, scope),
        )
        names = {role.id: role.name for role in await all_roles(plexus)}
        if not json:
            written = [part for each in found for part in (each.subject, each.scope)]
            names |= await naming.shown(plexus, written)
        return found, names

    found, names = run(work)
    if json:
        print_json([as_dict(binding) for binding in found])
        return
    rows = [
        (
            binding.id,
            names.get(binding.role_id, binding.role_id),
            names[binding.subject],
            names[binding.scope],
            local(binding.expires_at) if binding.HasField("expires_at") else "",
        )
        for binding in found
    ]
    print_table(f"{len(found)} bindings", ["id", "role", "held by", "for", "until"], rows)


async def all_roles(plexus: Plexus) -> list[Role]:
    """Read every role."""
    request = pb.ListRolesRequest()
    found: list[Role] = []
    while True:
        page = await plexus.call(plexus.grants.ListRoles, request)
        found += page.roles
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


async def find(plexus: Plexus, role: str) -> Role:
    """Find a role by id or name.

    Raises:
        Refused: there is none.
    """
    for each in await all_roles(plexus):
        if role == each.id or role.casefold() == each.name.casefold():
            return each
    raise Refused(f"There is no role {role}: look at `plexus roles list`.", reason="ROLE_NOT_FOUND")


async def _bindings(plexus: Plexus, *, subject: str, scope: str) -> list[RoleBinding]:
    found: list[RoleBinding] = []
    token = ""
    while True:
        request = pb.ListRoleBindingsRequest(
            page_size=1000, page_token=token, subject=subject, scope=scope
        )
        response = await plexus.call(plexus.grants.ListRoleBindings, request)
        found += response.bindings
        token = response.next_page_token
        if not token:
            return found


def _mask(word: str) -> FieldMask:
    message, equals, fields = word.partition("=")
    if not equals or not message or not fields:
        raise typer.BadParameter(f"{word} is not of the form MESSAGE=FIELD,FIELD")
    return FieldMask(message=message, fields=fields.split(","))


def _print(role: Role, *, json: bool) -> None:
    if json:
        print_json(as_dict(role))
    else:
        say(role.id)
