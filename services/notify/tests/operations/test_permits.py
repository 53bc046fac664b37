"""Words of a notification that its reader may not see are left out: GW-3, GW-9, GW-10."""

from typing import Any

import pytest
from notify.domain.kinds import MESSAGE, OWNERS, TASK, Kind
from notify.domain.notifications import Delivery, Notification, Source
from notify.domain.outcomes import Reason, State
from notify.kinds import KINDS, mention, task_assigned
from notify.operations.permits import carries_content, shown
from plexus.messaging.v1.messages_pb2 import Message
from plexus_access.decisions import Asker
from plexus_testkit.clock import FrozenClock
from plexus_testkit.companies import Company

TENANT, BO = "ten_a", "per_bo"
TITLE, BODY = "Ann mentioned you in Merger", "sign the contract"
NEUTRAL = "Someone mentioned you"


@pytest.fixture
def company(clock: FrozenClock) -> Company:
    company = Company(clock)
    company.person(TENANT, BO)
    return company


def notification(clock: FrozenClock, *, kind: Kind = mention.KIND, source: str = MESSAGE) -> Any:
    delivery = Delivery(id="dlv_1", state=State.DELIVERED, reason=Reason.STORED, at=clock.now())
    return Notification(
        id="ntf_1",
        tenant_id=TENANT,
        person_id=BO,
        kind=kind,
        title=TITLE,
        body=BODY,
        source=Source(kind=source, id="src_1", actor_id="per_ann", conversation_id="cnv_1", seq=1),
        step="",
        event_id="evt_1",
        created_at=clock.now(),
        read=False,
        in_app=delivery,
        email=delivery,
    )


def words(company: Company, told: Notification, *, scopes: tuple[str, ...] = ()) -> tuple[str, str]:
    asker = Asker(
        tenant_id=TENANT, person_id=BO, scopes=frozenset(scopes), roles=frozenset({"member"})
    )
    seen = shown(company.decisions, asker, told, locale="en")
    return seen.title, seen.body


@pytest.mark.rule("GW-9")
def test_gw_09_a_token_reads_the_words_of_a_notification_only_if_it_reads_their_source(
    company: Company, clock: FrozenClock
) -> None:
    told = notification(clock)
    assert words(company, told) == (TITLE, BODY)
    assert words(company, told, scopes=("notifications.read",)) == (NEUTRAL, "")
    both = ("notifications.read", "messages.read")
    assert words(company, told, scopes=both) == (TITLE, BODY)
    task = notification(clock, kind=task_assigned.KIND, source=TASK)
    assert words(company, task, scopes=both) == ("A task was assigned to you", "")


@pytest.mark.rule("GW-10")
def test_gw_10_a_policy_on_the_source_takes_title_and_text_away(
    company: Company, clock: FrozenClock
) -> None:
    company.policy(
        TENANT, "p", 'forbid(principal, action == Plexus::Action::"messages.read", resource);'
    )
    assert words(company, notification(clock)) == (NEUTRAL, "")


@pytest.mark.rule("GW-3")
@pytest.mark.parametrize(
    ("masks", "expected"),
    [
        (
            {"Message": [each for each in Message.DESCRIPTOR.fields_by_name if each != "text"]},
            (TITLE, ""),
        ),
        ({"Person": ["id"]}, (NEUTRAL, BODY)),
        ({"Conversation": ["id"]}, (NEUTRAL, BODY)),
        ({"Task": ["id"]}, (TITLE, BODY)),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_gw_03_words_made_of_hidden_columns_are_left_out(
    company: Company, clock: FrozenClock, masks: dict[str, list[str]], expected: tuple[str, str]
) -> None:
    for role in ("member", "guest"):
        company.masks(TENANT, role, **masks)
    told = notification(clock)
    assert words(company, told) == expected
    outside = Asker(tenant_id=TENANT, person_id=BO, roles=frozenset({"guest"}))
    # A mail has both or neither.
    assert carries_content(company.decisions, outside, told) == (expected == (TITLE, BODY))


def test_every_kind_has_a_title_that_names_nothing(company: Company, clock: FrozenClock) -> None:
    for kind in KINDS:
        if kind.source not in OWNERS:
            continue
        title, _ = words(company, notification(clock, kind=kind), scopes=("notifications.read",))
        assert title
        assert title != TITLE
