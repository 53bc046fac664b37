"""Groups that are changed: name, topic, roles, ownership, and what happened to them."""

from typing import Annotated

from plexus.messaging.v1 import messaging_service_pb2
from plexus.messaging.v1.conversations_pb2 import Conversation, ConversationEvent, Member
from plexus_sdk import Plexus

from plexus_cli.context import find_people, name_people, run
from plexus_cli.happenings import line_of_event, people_of, role_word
from plexus_cli.language import tr
from plexus_cli.lookups.conversations import events_of, resolve
from plexus_cli.lookups.requests import RequestId, new_request_id
from plexus_cli.options import Argument, Json, Option, Where
from plexus_cli.output import as_dict, print_json, say

pb = messaging_service_pb2

ROLES = {
    "member": Member.ROLE_MEMBER,
    "admin": Member.ROLE_ADMIN,
    "owner": Member.ROLE_OWNER,
}
HISTORIES = {"since-join": Conversation.HISTORY_SINCE_JOIN, "all": Conversation.HISTORY_ALL}

Person = Annotated[str, Argument(help="Handle, id or display name.")]


def rename(
    conversation: Where,
    name: Annotated[str, Argument(help="Its new name.")],
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Rename a group."""
    _show(_update(conversation, request_id, name=name), json=json)


def update(
    conversation: Where,
    name: Annotated[str | None, Option(help="New name.")] = None,
    topic: Annotated[str | None, Option(help="New topic; empty removes it.")] = None,
    history: Annotated[
        str | None,
        Option(help="Messages that new members see.", choices=tuple(HISTORIES)),
    ] = None,
    confidential: Annotated[
        bool | None,
        Option(
            "--confidential/--no-confidential",
            help="Messages cannot be forwarded, and notifications carry no text.",
        ),
    ] = None,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Change the name, topic or rules of a group."""
    changed = _update(
        conversation,
        request_id,
        name=name,
        topic=topic,
        history=HISTORIES[history] if history else None,
        confidential=confidential,
    )
    _show(changed, json=json)


def archive(conversation: Where, request_id: RequestId = None, json: Json = False) -> None:
    """Archive a group; it can be read but receives no more messages."""
    _show(_update(conversation, request_id, archived=True), json=json)


def unarchive(conversation: Where, request_id: RequestId = None, json: Json = False) -> None:
    """Restore an archived group."""
    _show(_update(conversation, request_id, archived=False), json=json)


def role(
    conversation: Where,
    person: Person,
    role: Annotated[str, Argument(help="The new role.", metavar="NEW-ROLE", choices=tuple(ROLES))],
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Change the role of a member."""
    changed = _change_role(conversation, person, ROLES[role], request_id, transfer=False)
    _show_roles(changed, json=json)


def transfer(
    conversation: Where,
    person: Person,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Make another member owner of your group; you become an administrator."""
    changed = _change_role(conversation, person, Member.ROLE_OWNER, request_id, transfer=True)
    _show_roles(changed, json=json)


def events(conversation: Where, json: Json = False) -> None:
    """Show what happened to a conversation itself: members, roles, names."""

    async def work(plexus: Plexus) -> tuple[list[ConversationEvent], dict[str, str]]:
        found = await events_of(plexus, await resolve(plexus, conversation, archived=True))
        return found, await name_people(plexus, people_of(found))

    found, names = run(work, in_zone=not json)
    if json:
        print_json([as_dict(event) for event in found])
        return
    for event in found:
        say(line_of_event(event, names))


def _update(
    conversation: str, request_id: str | None, **fields: str | bool | int | None
) -> Conversation:
    async def work(plexus: Plexus) -> Conversation:
        request = pb.UpdateConversationRequest(
            request_id=request_id or new_request_id(),
            conversation_id=await resolve(plexus, conversation, archived=True),
        )
        for name, value in fields.items():
            if value is not None:
                setattr(request, name, value)
        return (await plexus.call(plexus.messaging.UpdateConversation, request)).conversation

    return run(work)


def _change_role(
    conversation: str,
    person: str,
    role: Member.Role.ValueType,
    request_id: str | None,
    *,
    transfer: bool,
) -> tuple[list[Member], dict[str, str]]:
    async def work(plexus: Plexus) -> tuple[list[Member], dict[str, str]]:
        request = pb.ChangeMemberRoleRequest(
            request_id=request_id or new_request_id(),
            conversation_id=await resolve(plexus, conversation),
            person_id=(await find_people(plexus, [person]))[person].id,
            role=role,
            transfer=transfer,
        )
        members = (await plexus.call(plexus.messaging.ChangeMemberRole, request)).members
        return list(members), await name_people(plexus, {each.person_id for each in members})

    return run(work)


def _show(conversation: Conversation, *, json: bool) -> None:
    if json:
        print_json(as_dict(conversation))
        return
    name = conversation.name
    say(tr("{name} is archived.", name=name) if conversation.archived else name)


def _show_roles(changed: tuple[list[Member], dict[str, str]], *, json: bool) -> None:
    members, names = changed
    if json:
        print_json([as_dict(member) for member in members])
        return
    for member in members:
        say(f"{names[member.person_id]}  {role_word(member.role)}")
    if not members:
        say(tr("This is the role already."))
