"""Conversations and their members."""

from typing import Annotated

from plexus.messaging.v1 import messaging_service_pb2
from plexus.messaging.v1.conversations_pb2 import Conversation, ConversationView, Member
from plexus_sdk import Plexus
from plexuskit.clock import SystemClock

from plexus_cli.context import find_people, name_people, run
from plexus_cli.happenings import role_word
from plexus_cli.language import counted, tr
from plexus_cli.lookups.conversations import all_views, resolve, titles_of
from plexus_cli.lookups.requests import new_request_id
from plexus_cli.options import Argument, Group, Json, Option, Where
from plexus_cli.output import as_dict, mention_aside, print_json, print_table, say

pb = messaging_service_pb2
app = Group(help="Conversations and their members.")

Names = Annotated[list[str], Argument(help="Handles, ids or display names.")]


@app.command("list")
def list_(
    archived: Annotated[bool, Option("--archived", help="Include archived conversations.")] = False,
    json: Json = False,
) -> None:
    """List the conversations you are in, last active first."""

    async def work(plexus: Plexus) -> tuple[list[ConversationView], dict[str, str]]:
        views = await all_views(plexus, archived=archived)
        return views, await name_people(plexus, {view.peer_id for view in views} - {""})

    views, names = run(work)
    if json:
        print_json([as_dict(view) for view in views])
        return
    titles = titles_of(views, names)
    rows = [
        (
            view.conversation.id,
            titles[view.conversation.id],
            view.conversation.member_count,
            view.conversation.last_seq,
            view.unread or "",
            view.mention_unread or "",
            arranged(view),
        )
        for view in views
    ]
    columns = ["id", "name", "members", "messages", "unread", "@you", ""]
    print_table(counted(len(views), "{n} conversation", "{n} conversations"), columns, rows)


@app.command()
def create(
    name: Annotated[str, Argument(help="Name of the group; `-` for a direct conversation.")],
    members: Annotated[list[str] | None, Argument(help="Handles, ids or display names.")] = None,
    topic: Annotated[str, Option(help="Topic of the conversation.")] = "",
    open_history: Annotated[bool, Option(help="New members see earlier messages.")] = False,
    request_id: Annotated[str | None, Option("--id", help="Id for retries.")] = None,
    json: Json = False,
) -> None:
    """Create a group, or open a direct conversation with one person."""

    async def work(plexus: Plexus) -> pb.CreateConversationResponse:
        people = await find_people(plexus, members or [])
        direct = name == "-"
        request = pb.CreateConversationRequest(
            request_id=request_id or new_request_id(),
            kind=Conversation.KIND_DIRECT if direct else Conversation.KIND_GROUP,
            name="" if direct else name,
            topic=topic,
            history=Conversation.HISTORY_ALL if open_history else Conversation.HISTORY_SINCE_JOIN,
            member_ids=[person.id for person in people.values()],
        )
        return await plexus.call(plexus.messaging.CreateConversation, request)

    response = run(work)
    if json:
        print_json(as_dict(response))
    else:
        say(response.conversation.id)


@app.command()
def add(conversation: Where, people: Names, admin: bool = False) -> None:
    """Add people to a group; those who are members keep their role."""
    role = Member.ROLE_ADMIN if admin else Member.ROLE_MEMBER

    async def work(plexus: Plexus) -> tuple[int, list[str]]:
        found = await find_people(plexus, people)
        request = pb.AddMembersRequest(
            conversation_id=await resolve(plexus, conversation),
            person_ids=[person.id for person in found.values()],
            role=role,
        )
        added = (await plexus.call(plexus.messaging.AddMembers, request)).added_person_ids
        there = [person.handle for person in found.values() if person.id not in added]
        return len(added), there

    count, there = run(work)
    say(counted(count, "{n} added.", "{n} added."))
    if there and admin:
        handles = ", ".join(there)
        mention_aside(
            counted(
                len(there),
                "{people} is a member already: `plexus conversations role` changes roles.",
                "{people} are members already: `plexus conversations role` changes roles.",
                people=handles,
            )
        )


@app.command()
def remove(conversation: Where, people: Names) -> None:
    """Remove people from a group."""

    async def work(plexus: Plexus) -> int:
        found = await find_people(plexus, people)
        request = pb.RemoveMembersRequest(
            conversation_id=await resolve(plexus, conversation),
            person_ids=[person.id for person in found.values()],
        )
        response = await plexus.call(plexus.messaging.RemoveMembers, request)
        return len(response.removed_person_ids)

    say(counted(run(work), "{n} removed.", "{n} removed."))


@app.command()
def leave(conversation: Where) -> None:
    """Leave a group."""

    async def work(plexus: Plexus) -> None:
        conversation_id = await resolve(plexus, conversation)
        request = pb.LeaveConversationRequest(conversation_id=conversation_id)
        await plexus.call(plexus.messaging.LeaveConversation, request)

    run(work)
    say(tr("You left."))


@app.command()
def members(conversation: Where, json: Json = False) -> None:
    """List the members of a conversation."""

    async def work(plexus: Plexus) -> tuple[list[Member], dict[str, str]]:
        conversation_id = await resolve(plexus, conversation)
        found: list[Member] = []
        token = ""
        while True:
            request = pb.ListMembersRequest(
                conversation_id=conversation_id, page_size=1000, page_token=token
            )
            response = await plexus.call(plexus.messaging.ListMembers, request)
            found += response.members
            token = response.next_page_token
            if not token:
                break
        return found, await name_people(plexus, {member.person_id for member in found})

    found, names = run(work)
    if json:
        print_json([as_dict(m) | {"handle": names[m.person_id]} for m in found])
        return
    rows = [(names[m.person_id], role_word(m.role)) for m in found]
    print_table(counted(len(found), "{n} member", "{n} members"), ["handle", "role"], rows)


def arranged(view: ConversationView) -> str:
    """Summarise the caller's settings of a conversation, and whether it is archived."""
    settings = view.settings
    muted = settings.muted_until.seconds > SystemClock().now().timestamp()
    words = {
        "★": settings.starred,
        tr("muted"): muted,
        tr("marked"): settings.marked_unread,
        tr("archived"): view.conversation.archived,
    }
    return " ".join([*(word for word, holds in words.items() if holds), settings.folder]).strip()
