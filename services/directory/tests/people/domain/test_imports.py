from datetime import UTC, datetime

import pytest
from directory.people.domain import imports, tenants
from directory.people.domain.imports import Imported, Plan
from directory.people.domain.people import Kind, Person
from directory.shared.domain.actors import State
from directory.shared.domain.ids import PersonId, TenantId
from plexuskit.errors import InvalidArgument

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
TENANT = tenants.create(
    tenant_id=TenantId("ten_1"), name="北方贸易", time_zone="Asia/Shanghai", now=NOW
)


def someone(number: int, **fields: object) -> Imported:
    given = {"external_id": f"slack:U{number}", "handle": "li", "display_name": "李雷", **fields}
    return Imported(**given)  # type: ignore[arg-type]


def planned(*people: Imported, existing: tuple[Person, ...] = ()) -> Plan:
    return imports.plan(
        tuple(imports.checked(people)),
        existing={person.external_id: person for person in existing},
        taken=frozenset(person.handle for person in existing),
        new_ids={person.external_id: PersonId(f"per_{person.external_id}") for person in people},
        managers={},
        tenant=TENANT,
        now=NOW,
    )


def test_an_import_run_again_changes_nothing() -> None:
    people = (someone(1), someone(2), someone(3, deactivated=True, service_account=True))
    first = planned(*people)
    again = planned(*people, existing=first.people)
    assert (again.created, again.changed, again.people) == ((), (), first.people)


def test_people_come_back_in_the_order_of_the_request() -> None:
    first = planned(someone(2))
    plan = planned(someone(1), someone(2, title="x"), someone(3), existing=first.people)
    assert [person.external_id for person in plan.people] == ["slack:U1", "slack:U2", "slack:U3"]


def test_placeholders_and_service_accounts_are_marked() -> None:
    plan = planned(someone(1, deactivated=True, display_name=""), someone(2, service_account=True))
    gone, bot = plan.people
    assert (gone.state, gone.display_name, gone.version) == (State.DEACTIVATED, "li", 1)
    assert (bot.kind, bot.handle) == (Kind.SERVICE_ACCOUNT, "li-2")


def test_an_import_erases_nothing_and_renames_nobody() -> None:
    first = planned(someone(1, email="li@example.com", title="经理"))
    plan = planned(
        someone(1, handle="other", display_name="", email="", title="总监"), existing=first.people
    )
    ((before, after),) = plan.changed
    assert (after.handle, after.display_name, after.email) == ("li", "李雷", "li@example.com")
    assert (after.title, after.version) == ("总监", before.version + 1)


def test_an_import_lets_nobody_back_in() -> None:
    first = planned(someone(1, deactivated=True))
    plan = planned(someone(1, deactivated=False), existing=first.people)
    assert plan.changed == ()


def test_an_import_is_checked_as_a_whole_and_names_the_field() -> None:
    with pytest.raises(InvalidArgument) as refused:
        tuple(imports.checked([someone(1), someone(2, email="nobody")]))
    assert refused.value.metadata["field"] == "people[1].email"


@pytest.mark.parametrize("external_id", ["", "U1", ":U1", "slack:", "sl ack:U1"])
def test_an_external_id_names_its_source(external_id: str) -> None:
    with pytest.raises(InvalidArgument):
        tuple(imports.checked([someone(1, external_id=external_id)]))


def test_an_external_id_comes_once_and_a_thousand_people_at_most() -> None:
    with pytest.raises(InvalidArgument):
        tuple(imports.checked([someone(1), someone(1)]))
    with pytest.raises(InvalidArgument):
        tuple(imports.checked([someone(number) for number in range(1_001)]))


def test_a_password_is_never_shown() -> None:
    assert "green stapler" not in repr(someone(1, password="secret123"))
