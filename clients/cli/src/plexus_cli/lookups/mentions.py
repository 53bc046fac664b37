"""Mentions by name."""

from plexus.messaging.v1 import messages_pb2
from plexus_sdk import Plexus

from plexus_cli.context import find_people

ALL, DEPARTMENT = "all", "dep_"


async def mentions_of(plexus: Plexus, names: list[str]) -> list[messages_pb2.Mention]:
    """Return the mentions for names: handles, `all`, and ids of departments (`dep_…`)."""
    departments = [name for name in names if name.startswith(DEPARTMENT)]
    handles = [name for name in names if name != ALL and name not in departments]
    people = await find_people(plexus, handles)
    mentions = [messages_pb2.Mention(person_id=person.id) for person in people.values()]
    mentions += [messages_pb2.Mention(department_id=name) for name in departments]
    if ALL in names:
        mentions.append(messages_pb2.Mention(all=True))
    return mentions
