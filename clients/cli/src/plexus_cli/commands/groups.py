"""Groups of people, by name or by rule."""

from typing import Annotated

import typer
from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.people_pb2 import Group, GroupRule, Person
from plexus_sdk import Plexus, Refused

from plexus_cli.commands.departments import RequestId, new_request_id
from plexus_cli.commands.departments import find as find_department
from plexus_cli.context import find_people, run
from plexus_cli.output import as_dict, print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="Groups of people, by name or by rule.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Which = Annotated[str, typer.Argument(help="Id or name of the group.")]
People = Annotated[list[str], typer.Argument(help="Handles or ids.")]


@app.command("list")
def list_(
    of: Annotated[str, typer.Option(help="Only groups of this person: handle or id.")] = "",
    json: Json = False,
) -> None:
    """List groups by name."""

    async def work(plexus: Plexus) -> list[Group]:
        person_id = (await find_people(plexus, [of]))[of].id if of else ""
        return await all_groups(plexus, person_id=person_id)

    found = run(work)
    if json:
        print_json([as_dict(group) for group in found])
        return
    rows = [
        (group.id, group.name, group.size, "by rule" if group.HasField("rule") else "")
        for group in found
    ]
    print_table(f"{len(found)} groups", ["id", "name", "members", ""], rows)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name of the group.")],
    people: Annotated[list[str] | None, typer.Argument(help="Handles or ids.")] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    department: Annotated[
        list[str] | None, typer.Option(help="Rule: people of it and below.")
    ] = None,
    title: Annotated[list[str] | None, typer.Option(help="Rule: people of this post.")] = None,
    skill: Annotated[list[str] | None, typer.Option(help="Rule: people who can this.")] = None,
    locale: Annotated[list[str] | None, typer.Option(help="Rule: people of a language.")] = None,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Make a group: of the people named, or of whom a rule gives now and later."""

    async def work(plexus: Plexus) -> Group:
        request = pb.CreateGroupRequest(
            request_id=request_id or new_request_id(), name=name, description=description
        )
        if department or title or skill or locale:
            within = [(await find_department(plexus, each)).id for each in department or []]
            rule = GroupRule(department_ids=within, titles=title, skills=skill, locales=locale)
            request.rule.CopyFrom(rule)
        members = await find_people(plexus, people or [])
        request.member_ids.extend(person.id for person in members.values())
        return (await plexus.call(plexus.directory.CreateGroup, request)).group

    group = run(work)
    if json:
        print_json(as_dict(group))
    else:
        say(f"{group.id}  {group.size} members")


@app.command()
def show(group: Which, json: Json = False) -> None:
    """Show a group with its rule."""
    found = run(lambda plexus: find(plexus, group))
    if json:
        print_json(as_dict(found))
        return
    rows = [
        ("id", found.id),
        ("name", found.name),
        ("description", found.description),
        ("members", found.size),
        *((field.name, ", ".join(map(str, value))) for field, value in found.rule.ListFields()),
    ]
    print_table(found.name, ["", ""], rows)


@app.command()
def members(
    group: Which,
    add_: Annotated[list[str] | None, typer.Option("--add", help="Who joins.")] = None,
    json: Json = False,
) -> None:
    """List who belongs to a group; with --add after those have joined."""

    async def work(plexus: Plexus) -> list[Person]:
        found = await find(plexus, group)
        if add_:
            people = await find_people(plexus, add_)
            request = pb.ChangeGroupMembersRequest(
                request_id=new_request_id(),
                group_id=found.id,
                add_ids=[person.id for person in people.values()],
            )
            await plexus.call(plexus.directory.ChangeGroupMembers, request)
        return await all_members(plexus, found.id)

    found = run(work)
    if json:
        print_json([as_dict(person) for person in found])
        return
    rows = [(person.handle, person.display_name, person.title) for person in found]
    print_table(f"{len(found)} members", ["handle", "name", "title"], rows)


@app.command()
def remove(
    group: Which,
    people: Annotated[
        list[str] | None, typer.Argument(help="Who leaves; without anybody the group goes.")
    ] = None,
    request_id: RequestId = None,
) -> None:
    """Take people out of a group, or with nobody named remove the group itself."""

    async def work(plexus: Plexus) -> str:
        found = await find(plexus, group)
        if not people:
            request = pb.DeleteGroupRequest(
                request_id=request_id or new_request_id(), group_id=found.id
            )
            await plexus.call(plexus.directory.DeleteGroup, request)
            return f"{found.name} is removed."
        leaving = await find_people(plexus, people)
        changed = pb.ChangeGroupMembersRequest(
            request_id=request_id or new_request_id(),
            group_id=found.id,
            remove_ids=[person.id for person in leaving.values()],
        )
        response = await plexus.call(plexus.directory.ChangeGroupMembers, changed)
        return f"{response.group.size} members remain."

    say(run(work))


async def all_groups(plexus: Plexus, *, person_id: str = "") -> list[Group]:
    """Read every page of groups."""
    found: list[Group] = []
    token = ""
    while True:
        request = pb.ListGroupsRequest(page_size=1000, page_token=token, person_id=person_id)
        response = await plexus.call(plexus.directory.ListGroups, request)
        found += response.groups
        token = response.next_page_token
        if not token:
            return found


async def all_members(plexus: Plexus, group_id: str) -> list[Person]:
    """Read every page of who belongs to a group."""
    found: list[Person] = []
    token = ""
    while True:
        request = pb.ListGroupMembersRequest(group_id=group_id, page_size=1000, page_token=token)
        response = await plexus.call(plexus.directory.ListGroupMembers, request)
        found += response.people
        token = response.next_page_token
        if not token:
            return found


async def find(plexus: Plexus, group: str) -> Group:
    """Find a group by id or name.

    Raises:
        Refused: there is none.
    """
    for each in await all_groups(plexus):
        if group in {each.id, each.name}:
            return each
    raise Refused(
        f"There is no group called {group}: look at `plexus groups list`.",
        reason="GROUP_NOT_FOUND",
    )
