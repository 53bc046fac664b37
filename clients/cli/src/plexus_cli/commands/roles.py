"""Roles and their bindings."""

from typing import Annotated

from plexus.directory.v1 import access_service_pb2 as pb
from plexus.directory.v1.access_pb2 import FieldMask, Role, RoleBinding
from plexus_sdk import Plexus
from plexuskit.timestamps import timestamp

from plexus_cli import moments
from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.lookups import roles as lookup
from plexus_cli.lookups import subjects as naming
from plexus_cli.lookups.requests import RequestId, new_request_id
from plexus_cli.moments import heading, local
from plexus_cli.options import Argument, BadParameter, Group, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say

app = Group(help="Roles and their bindings.")

Which = Annotated[str, Argument(help="Id or name of a role.")]
Permissions = Annotated[
    list[str] | None,
    Option("--permission", help="For example people.manage; can be repeated."),
]
Shows = Annotated[
    list[str] | None,
    Option(
        "--show",
        help="Columns of a message: plexus.directory.v1.Person=id,handle; hides all others.",
    ),
]


@app.command("list")
def list_(json: Json = False) -> None:
    """List every role with its permissions, built-in ones first."""
    roles = run(lookup.all_roles)
    if json:
        print_json([as_dict(role) for role in roles])
        return
    rows = [
        (
            role.id,
            role.name,
            tr("built in") if role.built_in else role.description,
            ", ".join(role.permissions),
            "; ".join(f"{mask.message}={','.join(mask.fields)}" for mask in role.masks),
        )
        for role in roles
    ]
    print_table(
        counted(len(roles), "{n} role", "{n} roles"),
        ["id", "name", "", "permissions", "shows only"],
        rows,
    )


@app.command()
def create(
    name: Annotated[str, Argument(help="Name of the role.")],
    permission: Permissions = None,
    description: str = "",
    show: Shows = None,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Create a role from permissions that you hold."""
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
    name: Annotated[str | None, Option(help="Its new name.")] = None,
    description: str | None = None,
    permission: Permissions = None,
    show: Shows = None,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Change a role; given permissions and columns replace the current ones."""
    masks = [_mask(word) for word in show or []]

    async def work(plexus: Plexus) -> Role:
        request = pb.UpdateRoleRequest(
            request_id=request_id or new_request_id(),
            role_id=(await lookup.find(plexus, role)).id,
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
    """Delete a role and all its bindings."""

    async def work(plexus: Plexus) -> str:
        found = await lookup.find(plexus, role)
        request = pb.DeleteRoleRequest(request_id=request_id or new_request_id(), role_id=found.id)
        await plexus.call(plexus.grants.DeleteRole, request)
        return found.name

    say(tr("There is no role {n} any more.", n=run(work)))


@app.command()
def bind(
    role: Which,
    subject: Annotated[str, Argument(help=naming.SUBJECT_HELP)],
    scope: Annotated[str, Option(help=naming.SCOPE_HELP)] = "",
    until: Annotated[str | None, Option(help=moments.HELP)] = None,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Grant a role for a scope and everything in it."""

    async def work(plexus: Plexus) -> RoleBinding:
        expires_at = None
        if until is not None:
            expires_at = timestamp(moments.future(until, day_is="end"))
        request = pb.BindRoleRequest(
            request_id=request_id or new_request_id(),
            role_id=(await lookup.find(plexus, role)).id,
            subject=await naming.subject_of(plexus, subject),
            scope=await naming.scope_of(plexus, scope),
            expires_at=expires_at,
        )
        return (await plexus.call(plexus.grants.BindRole, request)).binding

    binding = run(work, in_zone=until is not None)
    if json:
        print_json(as_dict(binding))
    else:
        say(binding.id)


@app.command()
def unbind(
    binding: Annotated[str, Argument(help="Id of a binding; see `plexus roles bindings`.")],
    request_id: RequestId = None,
) -> None:
    """Revoke a role."""

    async def work(plexus: Plexus) -> None:
        request = pb.UnbindRoleRequest(
            request_id=request_id or new_request_id(), binding_id=binding
        )
        await plexus.call(plexus.grants.UnbindRole, request)

    run(work)
    say(tr("The role is taken away."))


@app.command("bindings")
def bindings_(
    of: Annotated[str, Option("--of", help=naming.SUBJECT_HELP)] = "",
    scope: Annotated[str, Option(help=naming.SCOPE_HELP)] = "",
    json: Json = False,
) -> None:
    """List role bindings, oldest first."""

    async def work(plexus: Plexus) -> tuple[list[RoleBinding], dict[str, str]]:
        found = await _bindings(
            plexus,
            subject=await naming.subject_of(plexus, of) if of else "",
            scope=await naming.scope_of(plexus, scope),
        )
        names = {role.id: role.name for role in await lookup.all_roles(plexus)}
        if not json:
            written = [part for each in found for part in (each.subject, each.scope)]
            names |= await naming.shown(plexus, written)
        return found, names

    found, names = run(work, in_zone=not json)
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
    print_table(
        counted(len(found), "{n} binding", "{n} bindings"),
        ["id", "role", "held by", "for", heading("until")],
        rows,
    )


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
        raise BadParameter(tr("{word} is not of the form MESSAGE=FIELD,FIELD", word=word))
    return FieldMask(message=message, fields=fields.split(","))


def _print(role: Role, *, json: bool) -> None:
    if json:
        print_json(as_dict(role))
    else:
        say(role.id)
