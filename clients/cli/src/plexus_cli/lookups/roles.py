"""Roles by id or name."""

from plexus.directory.v1 import access_service_pb2 as pb
from plexus.directory.v1.access_pb2 import Role
from plexus_sdk import Plexus, Refused

from plexus_cli.language import tr


async def all_roles(plexus: Plexus) -> list[Role]:
    """Read every role."""
    return list((await plexus.call(plexus.grants.ListRoles, pb.ListRolesRequest())).roles)


async def find(plexus: Plexus, role: str) -> Role:
    """Find a role by id or name.

    Raises:
        Refused: there is none.
    """
    for each in await all_roles(plexus):
        if role == each.id or role.casefold() == each.name.casefold():
            return each
    raise Refused(
        tr("There is no role called {name}: see `plexus roles list`.", name=role),
        reason="ROLE_NOT_FOUND",
    )
