"""Stays and visibility: MSG-9, MSG-14."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from messaging.conversations.domain.conversations import (
    MAX_STAYS,
    check_additions,
    check_removals,
    joined,
    left,
)
from messaging.conversations.domain.refusals import (
    DirectConversationFixed,
    GroupTooLarge,
    LastOwner,
    TooManyStays,
)
from messaging.log.domain.states import Conversation, History, Kind, Role, sees, visible_ranges

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def conversation(kind=Kind.GROUP, member_count=2):
    return Conversation(
        id="cnv_1",
        tenant_id="ten_1",
        kind=kind,
        name="x",
        topic="",
        history=History.SINCE_JOIN,
        archived=False,
        created_by="a",
        created_at=NOW,
        membership_version=1,
        member_count=member_count,
        version=1,
    )


def join(member, *, seq, version):
    return joined(
        member,
        conversation_id="cnv_1",
        person_id="per_1",
        role=Role.MEMBER,
        seq=seq,
        version=version,
        at=NOW,
    )


# A membership history: messages ("s"), joining and leaving ("t" toggles), as a sequence.
LIVES = st.lists(st.sampled_from("st"), max_size=30)


def live(events):
    """Play a membership history; return the member, and the model: messages during membership."""
    member, seq, version, inside, heard = None, 0, 0, False, set()
    for event in events:
        version += 1
        if event == "s":
            seq += 1
            if inside:
                heard.add(seq)
        elif inside:
            member, inside = left(member, seq=seq, version=version), False
        else:
            member, inside = join(member, seq=seq, version=version), True
    return member, seq, version, inside, heard


@given(LIVES)
def test_msg_14_a_member_sees_exactly_what_was_said_during_the_stays(events):
    member, last, _, inside, heard = live(events)

    seen = {seq for seq in range(1, last + 2) if sees(member, history=History.SINCE_JOIN, seq=seq)}

    # The next message is visible to current members.
    assert seen == ((heard | {last + 1}) if inside else set())


@given(LIVES)
def test_msg_14_ranges_say_the_same_as_the_predicate(events):
    member, last, _, inside, _ = live(events)
    if not inside:
        return
    ranges = visible_ranges(member, history=History.SINCE_JOIN)

    for seq in range(1, last + 2):
        within = any(first <= seq and (not end or seq <= end) for first, end in ranges)
        assert within == sees(member, history=History.SINCE_JOIN, seq=seq)


@given(LIVES)
def test_msg_14_open_history_shows_everything_to_members_and_nothing_to_others(events):
    member, last, _, inside, _ = live(events)

    seen = [sees(member, history=History.ALL, seq=seq) for seq in range(1, last + 1)]

    assert all(seen) if inside else not any(seen)


@given(LIVES)
def test_msg_09_the_audience_of_a_message_is_who_was_inside_then(events):
    member, inside = None, False
    model = {}
    seq = 0
    for version, event in enumerate(events, 1):
        if event == "s":
            seq += 1
            model[version] = inside
        elif inside:
            member, inside = left(member, seq=seq, version=version), False
        else:
            member, inside = join(member, seq=seq, version=version), True
    for at, was_inside in model.items():
        assert (member is not None and member.was_member_at(at)) == was_inside


@pytest.mark.rule("GW-13")
def test_gw_13_stays_without_a_message_do_not_add_up():
    member = None
    for version in range(1, 4_001, 2):
        member = left(join(member, seq=7, version=version), seq=7, version=version + 1)
    back = join(member, seq=7, version=5_000)

    assert [stay.joined_version for stay in back.stays] == [5_000]


@pytest.mark.rule("GW-13")
def test_gw_13_who_has_been_in_a_group_500_times_is_not_added_again():
    member = None
    for seq in range(MAX_STAYS):
        member = join(member, seq=seq, version=2 * seq + 1)
        member = left(member, seq=seq + 1, version=2 * seq + 2)

    with pytest.raises(TooManyStays) as refused:
        join(member, seq=MAX_STAYS, version=2_000)
    assert refused.value.metadata["person_id"] == "per_1"
    assert len(member.stays) == MAX_STAYS


def test_a_direct_conversation_keeps_its_two_people():
    with pytest.raises(DirectConversationFixed):
        check_additions(conversation(Kind.DIRECT), added=1)
    with pytest.raises(DirectConversationFixed):
        check_removals(conversation(Kind.DIRECT), roles={"a": Role.MEMBER}, removed=["a"])


def test_scale_1_a_group_has_at_most_5000_members():
    check_additions(conversation(member_count=4999), added=1)
    with pytest.raises(GroupTooLarge):
        check_additions(conversation(member_count=4999), added=2)


def test_the_last_owner_stays_while_others_do():
    roles = {"a": Role.OWNER, "b": Role.MEMBER}
    with pytest.raises(LastOwner):
        check_removals(conversation(), roles=roles, removed=["a"])
    check_removals(conversation(), roles=roles, removed=["a", "b"])
