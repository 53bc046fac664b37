"""The contracts as a whole: methods have requirements, topics have owners, facts have topics."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import plexus
import pytest
import yaml
from google.protobuf.descriptor import (
    Descriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
)
from plexus import topics as generated
from plexus.authz.v1.options_pb2 import Requirement, requires
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.event.v1.facts_pb2 import Fact
from plexus.event.v1.facts_pb2 import fact as fact_option
from plexus_access.clearing import concerned
from plexus_access.columns import columns_of, encoded_in, read_with, relation_of
from plexus_access.objects import KINDS
from plexus_access.roles import CHANGING, PERMISSIONS, READING

PERMISSION = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
TOPIC = re.compile(r"(?P<owner>[a-z]+)\.(?P<scope>[a-z]+)\.v[1-9][0-9]*")
GROUP = re.compile(r"(?P<service>[a-z]+)\.[a-z]+")

# First words of RPCs that change nothing. All others must be idempotent by their request id.
READS = (
    "BatchGet",
    "Explain",
    "Export",
    "Filter",
    "Find",
    "Get",
    "List",
    "Preview",
    "Read",
    "Readable",
    "Recheck",
    "Search",
    "Snapshot",
    "Suggest",
    "Verify",
    "Who",
)
WITHOUT_REQUEST_ID = {
    "SignIn": "a repeated sign-in is another session, and the first one expires unused",
    "CompleteSignIn": "the challenge is the key, and single use",
    "BeginSingleSignOn": "a repeated one is another attempt, and the first one expires unused",
    "CompleteSingleSignOn": "the state is the key, and single use",
    "RevokeSessions": "ending what has ended changes nothing",
    "EnrollTotp": "begins anew what was never confirmed",
    "ConfirmTotp": "a code is good once, and what is confirmed stays so",
    "BeginPasskey": "begins anew what was never finished",
    "FinishPasskey": "the question is the key, and single use",
    "RemoveSecondFactor": "what is gone is not found again",
    "UpdateSignInPolicy": "the whole of the policy is set, by its version",
    "PutOpenIdProvider": "the whole of the provider is set, by its version",
    "DeleteOpenIdProvider": "what is gone is not found again",
    "ResolveApiToken": "a read that notes the minute of use",
    "RefreshSession": "the refresh token is the key: used twice it ends its session",
    "SignOut": "ending an ended session changes nothing",
    "SetPassword": "setting the same password again changes nothing",
    "InitTenant": "there is one tenant at most, so the second is refused",
    "ImportPeople": "each person carries its external_id",
    "ImportConversations": "each conversation carries its external_id",
    "ImportMessages": "each message carries its request_id (MSG-19)",
    "FinishImport": "what is closed to an import stays so",
    "SendMessages": "each item carries its request_id (MSG-3)",
    "ExchangeScim": "SCIM names resources by userName, externalId and id; a repetition meets them",
    "ResolveFeed": "the answer names how many wait; a repeated one finds them answered",
    "AdvanceCursors": "a cursor only rises, so a repetition changes nothing (MSG-7)",
    "FollowThread": "following is a state that is set, not a step",
    "MarkNotificationsRead": "read is a state that is set, not a step",
    "SetPreferences": "the whole of the preferences is set",
    "SaveDraft": "the whole of the draft is set, and the newer written_at wins",
    "UpdateConversationSettings": "each setting is a state that is set, not a step",
    "UpdateScheduledMessage": "words and time are set, not changed by a step",
    "CancelScheduledMessage": "cancelling what is cancelled changes nothing",
    "UpdateMessagingPolicy": "the whole of the policy is set",
    "SignalTyping": "true for seconds and stored nowhere",
    "SignalPresence": "true for seconds and stored nowhere",
    "Session": "the stream's items carry their request ids",
    "Subscribe": "opens a stream and changes nothing",
    "Append": "each command of the stream carries its request_id (MSG-3)",
}


def every_file() -> Iterator[FileDescriptor]:
    names = (found.name for found in pkgutil.walk_packages(plexus.__path__, "plexus."))
    for name in names:
        if name.endswith("_pb2"):
            yield importlib.import_module(name).DESCRIPTOR


FILES = list(every_file())
METHODS = [
    method
    for file in FILES
    for service in file.services_by_name.values()
    for method in service.methods
]
EVENTS = [file for file in FILES if file.name.endswith("/events.proto")]


def requirement(method: MethodDescriptor) -> Requirement:
    return method.GetOptions().Extensions[requires]


def described(fact: Descriptor) -> Fact:
    return fact.GetOptions().Extensions[fact_option]


@pytest.fixture(scope="module")
def catalogue(root: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((root / "proto/topics.yaml").read_text())
    return read


def test_every_service_has_contracts(services: list[str]) -> None:
    packages = {method.containing_service.file.package for method in METHODS}
    assert {f"plexus.{name}.v1" for name in services} <= packages


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_gw_01_every_method_has_exactly_one_requirement(method: MethodDescriptor) -> None:
    assert method.GetOptions().HasExtension(requires)
    declared = requirement(method)
    assert [bool(declared.permission), declared.public, declared.internal].count(True) == 1
    if declared.permission:
        assert PERMISSION.fullmatch(declared.permission)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_gw_01_the_object_of_a_permission_is_named_by_a_field(method: MethodDescriptor) -> None:
    declared = requirement(method)
    assert bool(declared.resource) == bool(declared.id)
    if declared.id:
        assert declared.permission
        field = field_at(method.input_type, declared.id)
        assert field.type == FieldDescriptor.TYPE_STRING


def field_at(message: Descriptor, path: str) -> FieldDescriptor:
    first, _, rest = path.partition(".")
    field = message.fields_by_name.get(first)
    assert field is not None, f"{message.full_name} has no field {first}"
    return field_at(field.message_type, rest) if rest else field


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_requests_and_responses_are_named_after_their_method(method: MethodDescriptor) -> None:
    package = method.containing_service.file.package
    assert method.input_type.full_name == f"{package}.{method.name}Request"
    assert method.output_type.full_name == f"{package}.{method.name}Response"


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_gw_06_every_changing_method_takes_a_request_id(method: MethodDescriptor) -> None:
    if method.name.startswith(READS):
        assert method.name not in WITHOUT_REQUEST_ID
    elif method.name in WITHOUT_REQUEST_ID:
        assert "request_id" not in method.input_type.fields_by_name, "it is no exception any more"
    else:
        assert field_at(method.input_type, "request_id").type == FieldDescriptor.TYPE_STRING


CHANGES = {Requirement.EFFECT_CHANGE, Requirement.EFFECT_LOGGED, Requirement.EFFECT_PERSONAL}
# An open stream changes nothing; each of its items requires a permission of its own.
STREAMS = {"Session", "Subscribe"}


@pytest.mark.rule("GW-9")
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_gw_09_what_changes_state_declares_it_and_takes_a_permission_that_changes_state(
    method: MethodDescriptor,
) -> None:
    declared = requirement(method)
    if not declared.permission:
        return
    changes = declared.effect in CHANGES
    assert changes == (not method.name.startswith(READS) and method.name not in STREAMS)
    if changes:
        assert declared.permission in CHANGING


@pytest.mark.rule("GW-9")
def test_gw_09_every_permission_is_classified_as_reading_or_as_changing() -> None:
    assert READING < PERMISSIONS
    assert READING | CHANGING == PERMISSIONS
    assert not READING & CHANGING
    verbs = {"read", "open", "query", "explain", "explain_others", "export"}
    assert {each.partition(".")[2] for each in READING} == verbs


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_gw_01_further_permissions_name_their_objects_by_fields(method: MethodDescriptor) -> None:
    for need in requirement(method).also:
        assert requirement(method).resource, "the gateway reads it before further needs"
        assert PERMISSION.fullmatch(need.permission)
        assert need.resource
        assert field_at(method.input_type, need.id).type == FieldDescriptor.TYPE_STRING


# Fields of changes, in any method, that name nothing that a policy is asked about.
NO_OBJECT = {
    "request_id": "the caller's name for the request",
    "external_id": "a name that another system gives",
    "manager_external_id": "as above",
    "root_request_id": "a message of the same import",
    "manager_id": "a manager is a fact about the person, not about the manager",
    "deputy_id": "as above",
    "leader_id": "as above",
    "role_id": "roles are the tenant's",
    "second_factor_role_ids": "as above",
    "session_id": "a session of the person that is asked about",
    "factor_id": "a factor of the person that is asked about",
    "provider_id": "providers are the tenant's",
    "client_id": "as above",
    "mention_person_id": "the person is named in a text, and nothing of theirs changes",
    "mention_department_id": "as above",
    "notification_ids": "the caller's own",
    "column_id": "a part of the project that the task is in",
    "after_task_id": "a place on the board that the task is on",
    "assignee_ids": "work is given to a person without changing them",
    "owner_id": "as above",
}
# The same of single methods.
NOT_ASKED = {
    ("ChangeGroupMembers", "add_ids"): "being put into a group takes no permission on the person",
    ("ChangeGroupMembers", "remove_ids"): "as above",
    ("CreateGroup", "member_ids"): "as above",
    ("CreateGroup", "rule.department_ids"): "a rule reads departments and changes none",
    ("UpdateGroup", "rule.department_ids"): "as above",
    ("SetModule", "except_department_ids"): "a module is the tenant's",
    ("PutOpenIdProvider", "provider.id"): "providers are the tenant's",
    ("ExchangeScim", "headers.key"): "the name of a header",
    ("CreateConversation", "member_ids"): "a membership is of the conversation, not of the person",
    ("AddMembers", "person_ids"): "as above",
    ("RemoveMembers", "person_ids"): "as above",
    ("ChangeMemberRole", "person_id"): "as above",
    ("CreateProject", "member_ids"): "as above",
    ("UpdateProject", "add_member_ids"): "as above",
    ("UpdateProject", "remove_member_ids"): "as above",
    ("ReassignWork", "to_person_id"): "receiving work takes no permission, as in CreateTask",
    ("ImportConversations", "conversations.member_ids"): "as above",
    (
        "ImportMessages",
        "messages.conversation_id",
    ): "made by the same import, which messaging checks",
    ("ImportMessages", "messages.sender_id"): "a person of the same import, as above",
    ("ImportMessages", "messages.reactions.person_ids"): "as above",
    ("SendMessages", "items.conversation_id"): "messaging decides about each item",
    ("AdvanceCursors", "advances.conversation_id"): "as above",
    ("UpdateScheduledMessage", "message.conversation_id"): "messaging decides when it is stored",
    ("UpdateScheduledMessage", "id"): "the caller's own",
    ("CancelScheduledMessage", "id"): "as above",
    ("SetPreferences", "preferences.person_id"): "as above",
}
# Mentions name people and departments by fields that have these names elsewhere.
MENTIONS = {"mentions.person_id", "mentions.department_id"}
NAMES = re.compile(r"(.*_)?(id|ids|subject|scope|object|key)")


def named_in(message: Descriptor, above: tuple[Descriptor, ...] = ()) -> Iterator[str]:
    """Yield the path of every text field that could name an object."""
    for field in message.fields:
        if field.type == FieldDescriptor.TYPE_STRING and NAMES.fullmatch(field.name):
            yield field.name
        elif field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type not in above:
            inside = named_in(field.message_type, (*above, message))
            yield from (f"{field.name}.{path}" for path in inside)


@pytest.mark.rule("GW-10")
def test_gw_10_what_a_change_names_by_id_is_asked_about() -> None:
    not_asked, no_object = set(), set()
    for method in METHODS:
        declared = requirement(method)
        if declared.public or declared.internal or declared.effect not in CHANGES:
            continue
        asked = {declared.id, *(need.id for need in (*declared.also, *declared.policed))}
        for path in named_in(method.input_type):
            last = path.rpartition(".")[2]
            if path in asked or path.removeprefix("message.") in MENTIONS:
                continue
            if path.partition(".")[2] in MENTIONS:
                continue
            if last in NO_OBJECT:
                no_object.add(last)
            else:
                not_asked.add((method.name, path))
    assert not_asked == NOT_ASKED.keys()
    assert no_object == NO_OBJECT.keys(), "what is in no contract is no exception any more"


# Messages of single people, which no other object holds.
OWN_MESSAGES = {"plexus.notify.v1.Notification"}


@pytest.mark.rule("GW-10")
def test_gw_10_every_message_that_a_permission_shows_names_its_object() -> None:
    shown = [each for file in FILES for each in described_in(file) if relation_of(each).read_with]
    assert {each.full_name for each in shown} >= OWN_MESSAGES
    for each in shown:
        relation = relation_of(each)
        assert relation.read_with in READING, each.full_name
        if each.full_name in OWN_MESSAGES:
            continue
        assert relation.kind in KINDS, each.full_name
        assert field_at(each, relation.id or "id").type == FieldDescriptor.TYPE_STRING


def described_in(file: FileDescriptor) -> Iterator[Descriptor]:
    """Yield every message of a file, nested ones included."""
    waiting = list(file.message_types_by_name.values())
    while waiting:
        each = waiting.pop()
        yield each
        waiting += each.nested_types


# Bytes in answers that hold nothing of an object.
PLAIN_BYTES = {
    "plexus.messaging.v1.VerifyConversationResponse.previous_chain_hash": "a salted hash",
    "plexus.messaging.v1.ChainLink.header_hash": "as above",
    "plexus.messaging.v1.ChainLink.body_hash": "as above",
    "plexus.messaging.v1.ConversationAnchor.chain_hash": "as above",
    "plexus.messaging.v1.Message.content_hash": "empty since version 2 of the chain",
    "plexus.audit.v1.AuditEntry.hash": "a hash of an entry that is shown beside it",
    "plexus.audit.v1.Anchor.hash": "as above",
    "plexus.audit.v1.ExportAuditResponse.lines": "the ledger, for who exports it",
    "plexus.directory.v1.ExchangeScimResponse.body": "SCIM, which directory decides about",
}
# Each fact goes to each stream by its own permission: gateway.live.visibility.
BY_EACH_FACT = {"Session", "Subscribe"}


@pytest.mark.rule("GW-9")
def test_gw_09_what_bytes_of_an_answer_hold_is_shown_by_the_permissions_of_the_call() -> None:
    plain = set()
    for method in METHODS:
        declared = requirement(method)
        if declared.public or declared.internal or method.name in BY_EACH_FACT:
            continue
        held = {declared.permission, *(need.permission for need in declared.also)}
        for message in concerned(method.output_type):
            for field in message.fields:
                if field.type != FieldDescriptor.TYPE_BYTES:
                    continue
                columns = set(columns_of(field)) - {field.full_name}
                permissions = {read_with(each.rpartition(".")[0]) for each in columns} - {""}
                if not permissions and not encoded_in(field):
                    plain.add(field.full_name)
                assert permissions <= held, (method.full_name, field.full_name)
                assert not encoded_in(field), "its message is not known before it is read"
    assert plain == PLAIN_BYTES.keys()


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_gw_10_objects_that_policies_are_asked_about_are_named_by_fields(
    method: MethodDescriptor,
) -> None:
    for need in requirement(method).policed:
        assert PERMISSION.fullmatch(need.permission)
        assert need.resource in {*KINDS, "named", "role_binding"}
        assert field_at(method.input_type, need.id).type == FieldDescriptor.TYPE_STRING


def test_gw_06_the_exceptions_are_methods_that_exist() -> None:
    assert set(WITHOUT_REQUEST_ID) <= {method.name for method in METHODS}


def retention_minutes(entry: dict[str, Any]) -> int:
    return (
        entry["retention_minutes"]
        if "retention_minutes" in entry
        else entry["retention_hours"] * 60
    )


def test_every_topic_belongs_to_a_service(catalogue: dict[str, Any], services: list[str]) -> None:
    names = [topic["name"] for topic in catalogue["topics"]]
    assert len(set(names)) == len(names)
    for topic in catalogue["topics"]:
        named = TOPIC.fullmatch(topic["name"])
        assert named is not None, topic["name"]
        assert named["owner"] == topic["owner"]
        assert topic["owner"] in services
        assert topic["partitions"] > 0
        assert retention_minutes(topic) > 0


def test_msg_04_every_fact_names_a_topic_of_its_owner(catalogue: dict[str, Any]) -> None:
    owners = {topic["name"]: topic["owner"] for topic in catalogue["topics"]}
    facts = [message for file in EVENTS for message in file.message_types_by_name.values()]
    for fact in facts:
        assert fact.GetOptions().HasExtension(fact_option), fact.full_name
        assert fact.file.package == f"plexus.{owners[described(fact).topic]}.v1", fact.full_name
    assert {described(fact).topic for fact in facts} == set(owners)


def test_msg_04_facts_are_described_by_fields_that_they_have() -> None:
    for file in EVENTS:
        for fact in file.message_types_by_name.values():
            option = described(fact)
            assert option.subject, fact.full_name
            for path in option.subject_id:
                of_envelope = path.startswith("envelope.")
                message = Envelope.DESCRIPTOR if of_envelope else fact
                field = field_at(message, path.removeprefix("envelope."))
                assert field.type == FieldDescriptor.TYPE_STRING, (fact.full_name, path)
            for path in option.seq:
                assert field_at(fact, path).type == FieldDescriptor.TYPE_INT64, fact.full_name
            # Only facts about one message have a `seq`, so that gateways know which members may see
            # them.
            assert bool(option.seq) == (option.subject == "message"), fact.full_name


@pytest.mark.rule("GW-7")
def test_gw_07_every_fact_says_whether_it_is_recorded_and_the_ledger_reads_those_that_are() -> None:
    read = {*generated.AUDIT_FACTS.topics, *generated.AUDIT_DECISIONS.topics}
    for file in EVENTS:
        for fact in file.message_types_by_name.values():
            option = described(fact)
            assert option.ledger, fact.full_name
            assert option.ledger == Fact.LEDGER_LEFT_OUT or option.topic in read, fact.full_name


def test_no_message_outside_the_facts_of_a_service_is_described_as_one() -> None:
    for file in FILES:
        if file not in EVENTS:
            for message in file.message_types_by_name.values():
                assert not message.GetOptions().HasExtension(fact_option), message.full_name


def test_every_consumer_belongs_to_a_service_and_reads_something(
    catalogue: dict[str, Any], services: list[str]
) -> None:
    groups = [consumer["group"] for consumer in catalogue["consumers"]]
    assert len(set(groups)) == len(groups)
    for consumer in catalogue["consumers"]:
        named = GROUP.fullmatch(consumer["group"])
        assert named is not None, consumer["group"]
        assert named["service"] == consumer["service"]
        assert consumer["service"] in services

    read = {group for topic in catalogue["topics"] for group in topic["consumers"]}
    assert read == set(groups)


def test_src_08_a_dead_letter_topic_belongs_to_its_consumer(catalogue: dict[str, Any]) -> None:
    wanted = {
        consumer["group"]: f"{consumer['group']}.dlq" if consumer["dlq"] else ""
        for consumer in catalogue["consumers"]
    }
    assert {consumer.group: consumer.dlq for consumer in generated.CONSUMERS} == wanted

    longest = max(retention_minutes(topic) for topic in catalogue["topics"])
    assert retention_minutes(catalogue["dlq"]) > longest, "letters outlive what they came from"


def test_the_constants_are_those_of_the_catalogue(catalogue: dict[str, Any]) -> None:
    wanted = {
        topic["name"]: (
            topic["owner"],
            topic["partitions"],
            retention_minutes(topic),
            {
                fact.full_name
                for file in EVENTS
                for fact in file.message_types_by_name.values()
                if described(fact).topic == topic["name"]
            },
            set(topic["consumers"]),
        )
        for topic in catalogue["topics"]
    }
    made = {
        topic.name: (
            topic.owner,
            topic.partitions,
            topic.retention_minutes,
            set(topic.facts),
            set(topic.consumers),
        )
        for topic in generated.TOPICS
    }
    assert made == wanted
