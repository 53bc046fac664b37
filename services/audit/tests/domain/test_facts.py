"""GW-7: every fact of the topics that are read stands in the ledger, or is left out on purpose."""

from typing import Any

import pytest
from audit import events
from audit.domain.details import IDS_MOST, detailed
from audit.domain.history import Difference, Relation
from audit.events.facts import LEFT_OUT, RECORDED
from plexus.directory.v1.events_pb2 import FeedStopped
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import AUDIT_FACTS, TOPICS

TOLD = {fact for topic in TOPICS if topic.name in AUDIT_FACTS.topics for fact in topic.facts}


def test_gw_07_every_fact_is_recorded_or_left_out_by_name() -> None:
    assert TOLD == RECORDED | LEFT_OUT
    assert not RECORDED & LEFT_OUT


@pytest.mark.parametrize("name", sorted(LEFT_OUT))
def test_gw_07_what_is_said_makes_no_entry(name: str) -> None:
    assert events.told(Envelope(event_id="evt_1", type=name)) is None


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_fact_of_nobody_is_unreadable(name: str) -> None:
    with pytest.raises(events.Unreadable):
        events.told(Envelope(event_id="evt_1", type=name))


def test_gw_07_a_stop_of_the_feed_is_an_entry_and_no_history(facts: Any) -> None:
    stopped = FeedStopped(administrator_ids=["per_ann"], allowed=12, deactivated=12)
    told = events.told(facts.fact(stopped, entity="feed:ten_a", version=2, hours=0))
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
    assert len(details["+member"].split()) == IDS_MOST
    assert details["-role:admin"] == "department:dep_1@person:per_ann"
    assert (details["fields"], details["origin"]) == ("name", "import")
    assert "never shown" not in str(details)


def test_gw_07_marks_tell_that_a_field_changed_and_not_what_it_holds(facts: Any) -> None:
    one = events.told(facts.person("per_bo", email="bo@x.example", title="Buyer"))
    two = events.told(facts.person("per_bo", version=2, email="b@x.example", title="Buyer"))
    assert one is not None
    assert two is not None
    (before,), (after,) = one.states, two.states

    assert before.marks["title"] == after.marks["title"]
    assert before.marks["email"] != after.marks["email"]
    assert all(0 <= mark < 2**16 for mark in after.marks.values())
