"""Groups of people, by name or by rule."""

from typing import Annotated

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.people_pb2 import Group, GroupRule, Person
from plexus_sdk import Plexus

from plexus_cli import options
from plexus_cli.context import find_people, run
from plexus_cli.language import counted, tr
from plexus_cli.lookups import groups as lookup
from plexus_cli.lookups.departments import find as find_department
from plexus_cli.lookups.requests import RequestId, new_request_id
from plexus_cli.options import Argument, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say

app = options.Group(help="Groups of people, by name or by rule.")

Which = Annotated[str, Argument(help="Id or name of the group.")]
People = Annotated[list[str], Argument(help="Handles or ids.")]


_RULE_SHOWN_WORDS = {
    "department_ids": "departments",
    "titles": "titles",
    "skills": "skills",
    "locales": "languages",
}


@app.command("list")
def list_(
    of: Annotated[str, Option(help="Only groups of this person: handle or id.")] = "",
    json: Json = False,
) -> None:
    """List groups by name."""

    async def work(plexus: Plexus) -> list[Group]:
        person_id = (await find_people(plexus, [of]))[of].id if of else ""
        return await lookup.all_groups(plexus, person_id=person_id)

    found = run(work)
    if json:
        print_json([as_dict(group) for group in found])
        return
    rows = [
        (group.id, group.name, group.size, tr("by rule") if group.HasField("rule") else "")
        for group in found
    ]
    print_table(counted(len(found), "{n} group", "{n} groups"), ["id", "name", "members", ""], rows)


@app.command()
def create(
    name: Annotated[str, Argument(help="Name of the group.")],
    people: Annotated[list[str] | None, Argument(help="Handles or ids.")] = None,
    description: Annotated[str, Option(help="Purpose.")] = "",
    department: Annotated[
        list[str] | None, Option(help="Rule: people of this department and those below.")
    ] = None,
    title: Annotated[list[str] | None, Option(help="Rule: people with this job title.")] = None,
    skill: Annotated[list[str] | None, Option(help="Rule: people with this skill.")] = None,
    locale: Annotated[list[str] | None, Option(help="Rule: people with this language.")] = None,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Create a group of named people, or of people selected by a rule."""

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
        say(tr("{id}  {size} members", id=group.id, size=group.size))


@app.command()
def show(group: Which, json: Json = False) -> None:
    """Show a group with its rule."""
    found = run(lambda plexus: lookup.find(plexus, group))
    if json:
        print_json(as_dict(found))
        return
    rows = [
        (tr("id"), found.id),
        (tr("name"), found.name),
        (tr("description"), found.description),
        (tr("members"), found.size),
        *(
            (tr(_RULE_SHOWN_WORDS[field.name]), ", ".join(map(str, value)))
            for field, value in found.rule.ListFields()
            if field.name in _RULE_SHOWN_WORDS
        ),
    ]
    print_table(found.name, ["", ""], rows)


@app.command()
def members(
    group: Which,
    add_: Annotated[list[str] | None, Option("--add", help="A person to add.")] = None,
    json: Json = False,
) -> None:
    """List the members of a group; --add adds people first."""

    async def work(plexus: Plexus) -> list[Person]:
        found = await lookup.find(plexus, group)
        if add_:
            people = await find_people(plexus, add_)
            request = pb.ChangeGroupMembersRequest(
                request_id=new_request_id(),
                group_id=found.id,
                add_ids=[person.id for person in people.values()],
            )
            await plexus.call(plexus.directory.ChangeGroupMembers, request)
        return await lookup.all_members(plexus, found.id)

    found = run(work)
    if json:
        print_json([as_dict(person) for person in found])
        return
    rows = [(person.handle, person.display_name, person.title) for person in found]
    print_table(counted(len(found), "{n} member", "{n} members"), ["handle", "name", "title"], rows)


@app.command()
def remove(group: Which, people: People, request_id: RequestId = None) -> None:
    """Remove people from a group."""

    async def work(plexus: Plexus) -> int:
        found = await lookup.find(plexus, group)
        leaving = await find_people(plexus, people)
        request = pb.ChangeGroupMembersRequest(
            request_id=request_id or new_request_id(),
            group_id=found.id,
            remove_ids=[person.id for person in leaving.values()],
        )
        return (await plexus.call(plexus.directory.ChangeGroupMembers, request)).group.size

    say(counted(run(work), "{n} member remains.", "{n} members remain."))


@app.command()
def delete(group: Which, request_id: RequestId = None) -> None:
    """Delete a group."""

    async def work(plexus: Plexus) -> str:
        found = await lookup.find(plexus, group)
        request = pb.DeleteGroupRequest(
            request_id=request_id or new_request_id(), group_id=found.id
        )
        await plexus.call(plexus.directory.DeleteGroup, request)
        return found.name

    say(tr("The group {name} is deleted.", name=run(work)))
