"""Import requests of a sample company; `Resolve` supplies the ids."""

import re
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

from plexus.directory.v1 import directory_service_pb2 as directory
from plexus.messaging.v1 import conversations_pb2, import_service_pb2
from plexus.messaging.v1 import messages_pb2 as messages
from plexuskit.errors import Kind, Refusal
from plexuskit.timestamps import timestamp

from plexus_cli.sample.company import ALL, MENTION, Conversation, Message, Sample
from plexus_cli.sample.schedule import Calendar, times
from plexus_cli.slack.conversations import Resolve
from plexus_cli.slack.fields import escaped
from plexus_cli.slack.markup import Named, Names, Rendered, render
from plexus_cli.slack.problems import ConversationNotMapped, PersonNotMapped

FILES_URL = "https://files.example.com"
MESSAGES_PER_REQUEST = 256

_LINK = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*[A-Za-z0-9/]")


class DepartmentNotMapped(Refusal):
    """Department {external_id} has no id yet; make its parents first."""

    kind = Kind.FAILED_PRECONDITION


def department_requests(
    sample: Sample, *, department: Resolve
) -> Iterator[directory.CreateDepartmentRequest]:
    """Yield the tree, parents before children.

    Each must be created and its id known to `department` before the next one is requested. Refused:
    DEPARTMENT_NOT_MAPPED.
    """
    parents = {item.key: item for item in sample.departments}
    for item in sample.departments:
        parent = parents[item.parent].external_id if item.parent else ""
        yield directory.CreateDepartmentRequest(
            request_id=f"sample:department:{item.key}",
            name=item.name,
            parent_id=_department(parent, department) if parent else "",
            external_id=item.external_id,
        )


def people_requests(
    sample: Sample, *, department: Resolve, password: str
) -> Iterator[directory.ImportPeopleRequest]:
    """Yield the people in one request; humans get `password`. Refused: DEPARTMENT_NOT_MAPPED."""
    departments = {item.key: item.external_id for item in sample.departments}
    yield directory.ImportPeopleRequest(
        people=[
            directory.ImportedPerson(
                external_id=person.external_id,
                handle=person.handle,
                display_name=person.name,
                email="" if person.service_account else person.email,
                title=person.title,
                time_zone=person.time_zone,
                locale=person.locale,
                service_account=person.service_account,
                department_ids=[
                    _department(departments[key], department) for key in person.departments
                ],
                password="" if person.service_account else password,
            )
            for person in sample.people
        ]
    )


def conversation_requests(
    sample: Sample, *, person: Resolve, now: datetime
) -> Iterator[import_service_pb2.ImportConversationsRequest]:
    """Yield the conversations in one request. Refused: PERSON_NOT_MAPPED."""
    kinds = conversations_pb2.Conversation
    calendar = Calendar(sample.by_handle, now=now)
    request = import_service_pb2.ImportConversationsRequest()
    for conversation in sample.conversations:
        _, first = next(times(conversation, sample.by_handle, calendar=calendar, now=now))
        direct = conversation.kind == "direct"
        request.conversations.add(
            external_id=conversation.external_id,
            kind=kinds.KIND_DIRECT if direct else kinds.KIND_GROUP,
            name=conversation.name,
            topic=conversation.topic,
            member_ids=[_person(handle, person) for handle in conversation.members],
            owner_id=_person(conversation.owner, person) if conversation.owner else "",
            history=kinds.HISTORY_ALL,
            created_at=timestamp(first),
        )
    yield request


def message_requests(
    sample: Sample, *, person: Resolve, conversation: Resolve, now: datetime
) -> Iterator[import_service_pb2.ImportMessagesRequest]:
    """Yield all messages, conversation by conversation in order of time.

    The same `now` and ids give the same requests. Refused: PERSON_NOT_MAPPED,
    CONVERSATION_NOT_MAPPED, SAMPLE_DOES_NOT_FIT.
    """
    calendar = Calendar(sample.by_handle, now=now)
    for item in sample.conversations:
        conversation_id = conversation(item.external_id)
        if not conversation_id:
            raise ConversationNotMapped(external_id=item.external_id)
        request = import_service_pb2.ImportMessagesRequest()
        roots: dict[str, str] = {}
        said = times(item, sample.by_handle, calendar=calendar, now=now)
        for number, (message, sent_at) in enumerate(said, 1):
            if len(request.messages) == MESSAGES_PER_REQUEST:
                yield request
                request = import_service_pb2.ImportMessagesRequest()
            request_id = f"{item.external_id}:{number:04d}"
            root = roots.get(message.reply_to, "")
            if message.id:
                roots[message.id] = root or request_id
            locale = sample.by_handle[message.by].locale
            rendered = _rendered(calendar.dated(message.text, locale=locale), person=person)
            request.messages.add(
                conversation_id=conversation_id,
                request_id=request_id,
                sender_id=_person(message.by, person),
                sent_at=timestamp(sent_at),
                text=rendered.text,
                spans=rendered.spans,
                mentions=rendered.mentions,
                root_request_id=root,
                reactions=_reactions(message, person=person),
                attachments=_attachments(message, conversation=item),
                kind=messages.Message.KIND_TEXT,
            )
        yield request


def person_id(handle: str, resolve: Resolve) -> str:
    """Return the id of the person with `handle`. Refused: PERSON_NOT_MAPPED."""
    return _person(handle, resolve)


def _rendered(text: str, *, person: Resolve) -> Rendered:
    """Return `text` with spans, converted from Slack's markup with mentions and links marked."""

    def named(handle: str) -> Named | None:
        # Text like `@scope/package` inside code looks like a mention but is not one.
        found = person(f"sample:{handle}")
        return None if found is None else Named(handle=handle, person_id=found)

    def marked(match: re.Match[str]) -> str:
        return f"<!{ALL}>" if match[1] == ALL else f"<@{match[1]}>"

    source = escaped(text)
    source = _LINK.sub(lambda match: f"<{match[0]}>", source)
    source = MENTION.sub(marked, source)
    return render(source, names=Names(person=named, channel=lambda _: None))


def _reactions(message: Message, *, person: Resolve) -> list[messages.Reaction]:
    return [
        messages.Reaction(emoji=emoji, person_ids=[_person(handle, person) for handle in handles])
        for emoji, handles in (message.reactions or {}).items()
    ]


def _attachments(message: Message, *, conversation: Conversation) -> list[messages.Attachment]:
    return [
        messages.Attachment(
            name=file.name,
            url=f"{FILES_URL}/{conversation.key}/{quote(file.name)}",
            media_type=file.media_type,
            size_bytes=file.size_bytes,
        )
        for file in message.files
    ]


def _person(handle: str, resolve: Resolve) -> str:
    found = resolve(f"sample:{handle}")
    if not found:
        raise PersonNotMapped(external_id=f"sample:{handle}")
    return found


def _department(external_id: str, resolve: Resolve) -> str:
    found = resolve(external_id)
    if not found:
        raise DepartmentNotMapped(external_id=external_id)
    return found
