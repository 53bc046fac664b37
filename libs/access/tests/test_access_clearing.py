"""Hidden columns leave messages with their copies, and are not written: GW-3."""

from datetime import UTC, datetime

import pytest
from google.protobuf.descriptor import FieldDescriptor
from plexus.directory.v1 import directory_service_pb2 as directory_pb
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1 import events_pb2, messages_pb2
from plexus.messaging.v1 import messaging_service_pb2 as messaging_pb
from plexus.messaging.v1 import personal_service_pb2 as personal_pb
from plexus.tasks.v1 import tasks_pb2, tasks_service_pb2
from plexus_access.clearing import cleared, clearing_of, concerned
from plexus_access.columns import IDENTIFYING, columns_of, encoded_in, message_named, touched_by
from plexus_access.decisions import Asker
from plexus_access.masks import NONE, Masks
from plexus_access.refusals import FieldMasked
from plexus_testkit.companies import Company
from plexuskit.grpc import requirements

SECRET = "secret"
PERSON, MESSAGE, TASK = (
    "plexus.directory.v1.Person",
    "plexus.messaging.v1.Message",
    "plexus.tasks.v1.Task",
)


def without(message: str, *fields: str) -> Masks:
    """Return masks that show everything of a message but some fields."""
    descriptor = message_named(message)
    assert descriptor is not None
    return Masks({message: frozenset(descriptor.fields_by_name) - set(fields)})


WORDS = without(MESSAGE, "text")


@pytest.mark.rule("GW-3")
@pytest.mark.parametrize(
    "answer",
    [
        messaging_pb.GetMessageResponse(message=messages_pb2.Message(text=SECRET)),
        messaging_pb.GetMessageResponse(
            message=messages_pb2.Message(quote=messages_pb2.Quote(text=SECRET))
        ),
        messaging_pb.GetMessageResponse(
            message=messages_pb2.Message(forwarded=[messages_pb2.Forwarded(text=SECRET)])
        ),
        messaging_pb.ListMessageVersionsResponse(
            versions=[messaging_pb.MessageVersion(text=SECRET)]
        ),
        messaging_pb.VerifyConversationResponse(
            links=[messaging_pb.ChainLink(event=SECRET.encode(), content_salt=SECRET.encode())]
        ),
        personal_pb.ListDraftsResponse(drafts=[personal_pb.Draft(text=SECRET)]),
        personal_pb.ListScheduledMessagesResponse(
            scheduled=[personal_pb.ScheduledMessage(text=SECRET)]
        ),
        Envelope(
            type="plexus.messaging.v1.MessagePosted",
            fact=events_pb2.MessagePosted(
                message=messages_pb2.Message(text=SECRET), content_salt=SECRET.encode()
            ).SerializeToString(),
        ),
        Envelope(type="plexus.messaging.v1.Unheard", fact=SECRET.encode()),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_gw_03_a_hidden_column_leaves_every_copy_of_it(answer):
    content = answer.SerializeToString()
    assert SECRET.encode() in content
    assert SECRET.encode() not in cleared(type(answer), content, WORDS)
    assert cleared(type(answer), content, NONE) == content


@pytest.mark.rule("GW-3")
def test_gw_03_what_is_not_hidden_stays_as_it_was():
    message = messages_pb2.Message(id="msg_1", seq=7, text=SECRET, sender_id="per_1")
    answer = messaging_pb.GetMessageResponse(message=message).SerializeToString()
    shown = messaging_pb.GetMessageResponse.FromString(
        cleared(messaging_pb.GetMessageResponse, answer, WORDS)
    )
    message.ClearField("text")
    assert shown.message == message


@pytest.mark.rule("GW-3")
def test_gw_03_history_hides_the_values_of_a_hidden_column_alone():
    answer = tasks_service_pb2.ListTaskHistoryResponse(
        changes=[
            tasks_pb2.TaskChange(field=field, from_value="a", to_value="b")
            for field in ("title", "state")
        ]
    )
    clearing_of(without(TASK, "title")).clear(answer)
    assert [(each.field, each.from_value, each.to_value) for each in answer.changes] == [
        ("title", "", ""),
        ("state", "a", "b"),
    ]


@pytest.mark.rule("GW-3")
@pytest.mark.parametrize(
    ("request_", "masks", "column"),
    [
        (messaging_pb.SendMessageRequest(text="a"), WORDS, f"{MESSAGE}.text"),
        (
            messaging_pb.SendMessagesRequest(items=[messaging_pb.SendMessageRequest(text="a")]),
            WORDS,
            f"{MESSAGE}.text",
        ),
        # An edit replaces the text also if it leaves it out.
        (messaging_pb.EditMessageRequest(seq=1), WORDS, f"{MESSAGE}.text"),
        (
            directory_pb.UpdatePersonRequest(set_roles=True),
            without(PERSON, "roles"),
            f"{PERSON}.roles",
        ),
        (directory_pb.GetPersonRequest(handle="a"), without(PERSON, "handle"), f"{PERSON}.handle"),
        (directory_pb.ListPeopleRequest(query="a"), without(PERSON, "handle"), f"{PERSON}.handle"),
        (tasks_service_pb2.UpdateTaskRequest(clear_due=True), without(TASK, "due"), f"{TASK}.due"),
    ],
)
def test_gw_03_nobody_writes_or_asks_by_what_is_hidden_from_them(request_, masks, column):
    with pytest.raises(FieldMasked) as refused:
        clearing_of(masks).check(request_)
    assert refused.value.metadata == {"field": column}


@pytest.mark.rule("GW-3")
def test_gw_03_a_request_that_touches_nothing_hidden_goes_on():
    clearing = clearing_of(without(PERSON, "email"))
    clearing.check(directory_pb.UpdatePersonRequest(person_id="per_1", title="boss"))
    clearing.check(directory_pb.ListPeopleRequest(query="a"))
    clearing_of(WORDS).check(messaging_pb.ListMessagesRequest(conversation_id="cnv_1"))


@pytest.mark.rule("GW-3")
def test_gw_03_columns_follow_the_roles_that_read_the_message_whatever_is_called():
    company = Company()
    company.person("t", "per_ann")
    company.masks("t", "member", Person=["id"])
    ann = Asker(tenant_id="t", person_id="per_ann")
    assert company.decisions.masks(ann, "search.query").shown(PERSON) == {"id"}
    company.role("t", "finder", "search.query", "people.manage", to="per_ann")
    assert company.decisions.masks(ann, "people.manage").shown(PERSON) == {"id"}
    company.role("t", "reader", "people.read", to="per_ann")
    assert company.decisions.masks(ann, "people.manage") == NONE


@pytest.mark.rule("GW-3")
def test_gw_03_columns_are_hidden_from_who_is_not_known_yet():
    company = Company()
    company.masks("t", "member", Person=["id"])
    new = Asker(tenant_id="t", person_id="per_new", roles=frozenset({"member"}))
    assert company.decisions.masks(new, "people.read").shown(PERSON) == {"id"}


def test_gw_03_people_without_masks_are_asked_about_nothing_more():
    company = Company()
    company.person("t", "per_ann", roles=("member",))
    company.person("t", "per_eve", roles=("guest",))
    company.masks("t", "member", Person=["id"])
    engine = company.replica.engine("t")
    assert engine.held(engine.state.people["per_ann"]).masked == (PERSON,)
    assert engine.held(engine.state.people["per_eve"]).masked == ()
    assert engine.masked_until("per_eve", now=datetime(2026, 1, 1, tzinfo=UTC)) is None


def messages():
    for method in requirements().values():
        if not method.requirement.internal:
            for shape in (method.request_class, method.response_class):
                yield from concerned(shape.DESCRIPTOR)


def test_every_column_that_a_contract_names_exists():
    for message in set(messages()):
        touched_by(message)
        for field in message.fields:
            columns_of(field)
            assert not encoded_in(field) or field.type == FieldDescriptor.TYPE_BYTES


# The first two are hidden by their owners, being made of columns by kind; the others are no copies.
OWN_FIELDS = {
    "plexus.search.v1.Hit.text",
    "plexus.notify.v1.Notification.title",
    "plexus.audit.v1.VerifyAuditResponse.Finding.text",
    "plexus.directory.v1.CreateRoleRequest.description",
    "plexus.directory.v1.UpdateRoleRequest.description",
    "plexus.directory.v1.Role.description",
    # Of the department, the rule, the conversation or the entry of the ledger itself.
    "plexus.audit.v1.AuditEntry.department_ids",
    "plexus.directory.v1.Department.external_id",
    "plexus.directory.v1.GroupRule.department_ids",
    "plexus.directory.v1.GroupRule.skills",
    "plexus.messaging.v1.Conversation.external_id",
    # Chosen for notifications alone; empty where the directory's zone holds.
    "plexus.notify.v1.QuietHours.time_zone",
    # A request whose message declares what it touches.
    "plexus.directory.v1.SetAbsenceRequest.absence",
}
# Columns of a person whose names many other messages use for something of their own.
COMMON = {"kind", "state", "roles", "created_at"}


def test_every_field_that_is_called_like_a_column_is_a_copy_of_it():
    """A new response, fact or request with such content fails here until it is declared."""
    columns = set(message_named(PERSON).fields_by_name) - IDENTIFYING - COMMON
    names = columns | {"text", "description", "handles"}
    originals = {MESSAGE, TASK, PERSON, "plexus.directory.v1.Group"}
    public = {
        each
        for method in requirements().values()
        if method.requirement.public
        for each in concerned(method.request_class.DESCRIPTOR)
    }
    undeclared = {
        field.full_name
        for message in set(messages()) - public
        for field in message.fields
        if field.name in names
        and message.full_name not in originals
        and len(columns_of(field)) == 1
    }
    assert undeclared == OWN_FIELDS
