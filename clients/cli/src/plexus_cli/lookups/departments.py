"""Departments by id, external id or name."""

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.people_pb2 import Department
from plexus_sdk import Plexus, Refused

from plexus_cli.language import tr


async def all_departments(plexus: Plexus, *, closed: bool = False) -> list[Department]:
    """Read every page of the tree, parents before children."""
    found: list[Department] = []
    token = ""
    while True:
        request = pb.ListDepartmentsRequest(page_size=1000, page_token=token, include_closed=closed)
        response = await plexus.call(plexus.directory.ListDepartments, request)
        found += response.departments
        token = response.next_page_token
        if not token:
            return found


def as_tree(departments: list[Department]) -> list[Department]:
    """Sort departments as a tree: each followed by its descendants, by name."""
    names = {each.id: each.name for each in departments}
    return sorted(departments, key=lambda each: [(names.get(id_, ""), id_) for id_ in each.path])


async def find(plexus: Plexus, department: str) -> Department:
    """Find a department by id, external id or name.

    Raises:
        Refused: no department has that name, or several have it.
    """
    every = await all_departments(plexus)
    by_key = [each for each in every if department in {each.id, each.external_id}]
    matching = by_key or [each for each in every if each.name == department]
    if len(matching) != 1:
        ids = ", ".join(each.id for each in matching)
        raise Refused(
            tr("{name} is the name of {ids}: give one of the ids.", name=department, ids=ids)
            if matching
            else tr(
                "There is no department called {name}: see `plexus departments list`.",
                name=department,
            ),
            reason="DEPARTMENT_NOT_FOUND",
        )
    return matching[0]
