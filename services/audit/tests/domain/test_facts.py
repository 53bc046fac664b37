"""GW-7: every fact of the topics that are read is in the ledger, or is left out on purpose."""

from typing import Any

import pytest
from audit import events
from audit.domain.details import MAX_IDS, detailed
from audit.domain.history import Difference, Relation
from audit.events.facts import LEFT_OUT, RECORDED
from plexus.directory.v1 import events_pb2 as directory_facts
from plexus.directory.v1.events_pb2 import FeedStopped
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import AUDIT_FACTS, TOPICS

# Conversations have logs and chains of their own.
IN_LOGS = {
    "ChainBegun",
    "MessageEdited",
    "MessageLabeled",
    "MessagePinned",
    "MessagePosted",
    "MessageReacted",
    "MessageRecalled",
}


def test_gw_07_all_that_is_read_is_recorded_but_what_the_logs_of_conversations_hold() -> None:
    told = {fact for topic in TOPICS if topic.name in AUDIT_FACTS.topics for fact in topic.facts}

    assert {name.rpartition(".")[2] for name in told - RECORDED} == IN_LOGS
    assert told - RECORDED == LEFT_OUT


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_gw_07_what_is_said_makes_no_entry(name: str) -> None:
    assert events.parse_fact(Envelope(event_id="evt_1", type=name)) is None


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_fact_of_nobody_is_unreadable(name: str) -> None:
    with pytest.raises(events.Unreadable):
        events.parse_fact(Envelope(event_id="evt_1", type=name))


def test_gw_07_a_stop_of_the_feed_is_an_entry_and_no_history(facts: Any) -> None:
    stopped = FeedStopped(administrator_ids=["per_ann"], allowed=12, deactivated=12)
    told = events.parse_fact(facts.fact(stopped, entity="feed:ten_a", version=2, hours=0))
    assert told is not None
    assert (told.occurrence.action, told.occurrence.object) == ("FeedStopped", "feed:ten_a")
    assert (told.occurrence.version_before, told.occurrence.version_after) == (1, 2)
    assert told.states == ()


def test_gw_07_details_have_ids_up_to_a_hundred_and_then_their_number(happened: Any) -> None:
    group = "group:grp_1"
    members = frozenset(Relation(group, "member", f"person:per_{n:04d}") for n in range(150))
    scope = Relation("department:dep_1", "role:admin", "person:per_ann")
    unseen = Relation(group, "attributes", "", "never shown")
    changed = Difference(began=members | {unseen}, ended=frozenset({scope}), fields=("name",))

    details = detailed(happened(1, object=group, details={"origin": "import"}), changed).details

    assert details["+member.count"] == "150"
    assert len(details["+member"].split()) == MAX_IDS
    assert details["-role:admin"] == "department:dep_1@person:per_ann"
    assert (details["fields"], details["origin"]) == ("name", "import")
    assert "never shown" not in str(details)


def test_gw_07_marks_tell_that_a_field_changed_and_not_what_it_holds(facts: Any) -> None:
    one = events.parse_fact(facts.person("per_bo", email="bo@x.example", title="Buyer"))
    two = events.parse_fact(facts.person("per_bo", version=2, email="b@x.example", title="Buyer"))
    assert one is not None
    assert two is not None
    (before,), (after,) = one.states, two.states

    assert before.marks["title"] == after.marks["title"]
    assert before.marks["email"] != after.marks["email"]
    assert all(0 <= mark < 2**16 for mark in after.marks.values())


def _sign_in_facts() -> list[tuple[Any, str, dict[str, str]]]:
    whose = {"person_id": "per_bo"}
    return [
        (
            directory_facts.SessionStarted(
                session_id="ses_1", methods=["pwd"], network="n", **whose
            ),
            "session:ses_1",
            {"person": "person:per_bo", "methods": "pwd", "network": "n"},
        ),
        (
            directory_facts.ApiTokenCreated(
                api_token_id="tok_1", name="bot", scopes=["messages.read", "messages.send"], **whose
            ),
            "api_token:tok_1",
            {
                "person": "person:per_bo",
                "name": "bot",
                "scopes": "messages.read messages.send",
                "expires_at": "1970-01-01T00:00:00+00:00",
            },
        ),
        (directory_facts.PasswordSet(**whose), "person:per_bo", {"person": "person:per_bo"}),
        (
            directory_facts.RefreshRepeated(session_id="ses_1", **whose),
            "session:ses_1",
            {"person": "person:per_bo"},
        ),
        (
            directory_facts.SignInEmailSet(reason="typo", **whose),
            "person:per_bo",
            {"person": "person:per_bo", "reason": "typo"},
        ),
        (
            directory_facts.SessionRevoked(session_id="ses_1", cause="too_many_open", **whose),
            "session:ses_1",
            {"person": "person:per_bo", "cause": "too_many_open"},
        ),
        (
            directory_facts.SecondFactorRemoved(factor_id="fac_1", kind="totp", **whose),
            "second_factor:fac_1",
            {"person": "person:per_bo", "kind": "totp"},
        ),
        (
            directory_facts.SignInFailed(network="n", attempts=4, **whose),
            "sign_in:per_bo",
            {
                "person": "person:per_bo",
                "attempts": "4",
                "network": "n",
                "minute": "1970-01-01T00:00:00+00:00",
                "failed": "password",
            },
        ),
    ]


@pytest.mark.rule("GW-7")
@pytest.mark.parametrize(
    ("fact", "object_", "details"), _sign_in_facts(), ids=lambda each: type(each).__name__
)
def test_gw_07_entries_about_signing_in_name_the_person_and_what_was_done(
    facts: Any, fact: Any, object_: str, details: dict[str, str]
) -> None:
    told = events.parse_fact(facts.fact(fact, entity=object_.partition(":")[2], version=1, hours=0))

    assert told is not None
    assert (told.occurrence.object, dict(told.occurrence.details)) == (object_, details)
    assert told.states == ()
