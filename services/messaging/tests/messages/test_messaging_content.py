"""Content and names on their way in and out, on a real mongod: MSG-13 and ADR 15."""

import pytest
from messaging.conversations.domain.people import Department
from messaging.conversations.operations.conversations import create_group, update_conversation
from messaging.importing.api.translation import to_foreign_conversation, to_foreign_message
from messaging.log.domain.states import History
from messaging.messages.api.translation import to_new_message
from messaging.messages.domain.refusals import MentionDepartmentDenied
from messaging.messages.operations.messages import send_message
from plexus.messaging.v1 import conversations_pb2, import_service_pb2, messages_pb2
from plexus.messaging.v1.messages_pb2 import FORMAT_MARKDOWN, Attachment, Mention, Span
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest
from plexuskit.clock import SystemClock
from plexuskit.errors import InvalidArgument, Refusal

NOW = SystemClock().now()


def request(room="cnv_1", **fields):
    return SendMessageRequest(conversation_id=room, request_id="r1", **fields)


async def test_markdown_is_stored_as_text_and_spans(store, log, group):
    room = await group("ann", "bob")
    research = Department(id="dep_7", tenant_id="ten_acme", path=("dep_7",), version=3)
    await store.people.put_departments([research])
    text = (
        "> 引用\n\n**重点：**看 ~~旧~~ [合同](https://a.com/c) <@bob|@鲍勃> <!dep_7|@研发>\n"
        "```py\nx\n```"
    )
    draft = to_new_message(request(room, text=text, format=FORMAT_MARKDOWN), sender_id="ann")
    stored = await send_message(log, new_message=draft)

    (message,) = await store.messages.find_messages(room, [stored.seq])
    shown = {
        (message.text[s.start : s.start + s.length], s.WhichOneof("meaning")) for s in message.spans
    }
    assert message.text == "引用\n\n重点：看 旧 合同 @鲍勃 @研发\nx"
    assert shown == {
        ("引用", "quote"),
        ("重点：", "bold"),
        ("旧", "strike"),
        ("合同", "link"),
        ("@鲍勃", "mention_person_id"),
        ("@研发", "mention_department_id"),
        ("x", "code_block"),
    }
    assert list(message.mentions) == [
        Mention(person_id="bob"),
        Mention(department_id="dep_7", directory_version=3),
    ]
    again = to_new_message(request(room, text=message.text, spans=message.spans), sender_id="ann")
    assert again.spans == draft.spans, "what is read can be sent again as it is"


async def test_msg_13_only_administrators_address_a_department(log, group):
    room = await group("ann", "bob")
    draft = to_new_message(
        request(room, text="hi", mentions=[Mention(department_id="dep_1")]), sender_id="bob"
    )
    with pytest.raises(MentionDepartmentDenied):
        await send_message(log, new_message=draft)


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("spans.link", {"spans": [Span(start=0, length=1, link="javascript:alert(1)")]}),
        ("spans", {"spans": [Span(start=0, length=2)]}),
        ("spans", {"spans": [Span(start=0, length=1, bold=True)], "format": FORMAT_MARKDOWN}),
        ("attachments[0].url", {"attachments": [Attachment(name="a", url="file:///etc/passwd")]}),
    ],
)
def test_sends_and_imports_refuse_unsafe_content_with_its_field(field, fields):
    with pytest.raises(InvalidArgument) as refused:
        to_new_message(request(text="abc", **fields), sender_id="ann")
    assert refused.value.metadata["field"] == field
    if "format" in fields:
        return
    item = import_service_pb2.ImportedMessage(
        conversation_id="cnv_1", request_id="r1", sender_id="ann", text="abc", **fields
    )
    read = to_foreign_message(item)
    assert isinstance(read, tuple)
    assert isinstance(read[1], Refusal)
    assert read[1].metadata["field"] == field


async def test_names_and_topics_of_groups_hold_no_tricks(store, log, people, person):
    ann = person("ann")
    work = await create_group(
        store,
        people,
        actor=ann,
        name=" 项目\u202e一\n组\u200b ",
        topic="见\x1b[2J\u2066这里",
        history=History.ALL,
        member_ids=[],
        now=NOW,
    )
    made = (await store.transact(work)).conversation
    assert (made.name, made.topic) == ("项目一 组", "见[2J这里")

    async def renamed(**fields):
        kept = {"name": None, "topic": None, "archived": None, "confidential": None}
        changed = kept | {"expected_version": 0} | fields
        return await update_conversation(
            log, actor=ann, conversation_id=made.id, now=NOW, **changed
        )

    after = (await renamed(name="a\u202eb", topic="\u200f")).conversation
    assert (after.name, after.topic) == ("ab", "")
    for wrong in ({"name": "\u2060\u3164"}, {"name": "x" * 201}, {"topic": "x" * 1_001}):
        with pytest.raises(InvalidArgument) as refused:
            await renamed(**wrong)
        assert refused.value.metadata["field"] in wrong


def test_msg_19_imported_names_hold_no_tricks_either():
    item = import_service_pb2.ImportedConversation(
        external_id="slack:C1",
        kind=conversations_pb2.Conversation.KIND_GROUP,
        name="gen\u202eeral",
        topic="a\x00b",
    )
    read = to_foreign_conversation(item)
    assert (read.name, read.topic) == ("general", "ab")
    item.name = "\u200b"
    with pytest.raises(InvalidArgument):
        to_foreign_conversation(item)


def test_plain_is_what_is_meant_where_no_format_is_given():
    for form in (messages_pb2.FORMAT_UNSPECIFIED, messages_pb2.FORMAT_PLAIN):
        made = to_new_message(request(text="**a**\n> b", format=form), sender_id="ann")
        assert (made.text, made.spans) == ("**a**\n> b", ())
