"""A refused person or conversation does not prevent the import of the others."""

from collections.abc import Sequence

import grpc
import pytest
from plexus.directory.v1.directory_service_pb2 import ImportedPerson
from plexus.messaging.v1.import_service_pb2 import ImportedConversation
from plexus_cli.commands.import_batches import (
    OnRefusal,
    Sending,
    reduced_conversation,
    reduced_person,
)
from plexus_sdk import Refused


class Directory:
    """Accepts all people of a call or none, as directory does."""

    def __init__(self, *, last_administrator: str = "", down: bool = False) -> None:
        self.calls = 0
        self._last_administrator = last_administrator
        self._down = down

    async def call(self, people: Sequence[ImportedPerson]) -> list[str]:
        self.calls += 1
        if self._down:
            raise Refused("try again", code=grpc.StatusCode.UNAVAILABLE)
        for index, person in enumerate(people):
            if person.email.count("@") > 1:
                problem = f"people[{index}].email is not an e-mail address"
                raise Refused(problem, code=grpc.StatusCode.INVALID_ARGUMENT)
            if person.deactivated and person.external_id == self._last_administrator:
                raise Refused("the last one", code=grpc.StatusCode.FAILED_PRECONDITION)
            if person.display_name == "never":
                raise Refused("no name", code=grpc.StatusCode.INVALID_ARGUMENT)
        return [f"per_{person.external_id}" for person in people]


def people(count: int, **changed: ImportedPerson) -> list[ImportedPerson]:
    made = [ImportedPerson(external_id=f"slack:U{n}", display_name=f"p{n}") for n in range(count)]
    for key, person in changed.items():
        made[int(key.removeprefix("u"))].MergeFrom(person)
    return made


def sending(
    directory: Directory, on_refusal: OnRefusal | None
) -> Sending[ImportedPerson, list[str]]:
    return Sending(call=directory.call, reduced=reduced_person, on_refusal=on_refusal)


async def test_one_person_is_reduced_and_everybody_else_comes_in_whole() -> None:
    noted: list[tuple[str, str]] = []
    directory = Directory()
    wrong = ImportedPerson(email="a@b@c", title="Buyer")
    everybody = people(100, u37=wrong)
    answers = await sending(directory, lambda *what: noted.append(what)).send(everybody)

    sent = [person for part, _ in answers for person in part]
    assert [person.external_id for person in sent] == [f"slack:U{n}" for n in range(100)]
    assert [person.external_id for person in sent if person.email or person.title] == []
    assert [external_id for external_id, _ in noted] == ["slack:U37"]
    assert "is not an e-mail address (it comes in with less)" in noted[0][1]
    assert directory.calls < 20


async def test_who_cannot_come_in_at_all_is_left_out() -> None:
    noted: list[tuple[str, str]] = []
    directory = Directory(last_administrator="slack:U1")
    everybody = people(
        3, u1=ImportedPerson(deactivated=True), u2=ImportedPerson(display_name="never")
    )
    answers = await sending(directory, lambda *what: noted.append(what)).send(everybody)

    sent = {person.external_id: person.deactivated for part, _ in answers for person in part}
    assert sent == {"slack:U0": False, "slack:U1": False}
    assert [external_id for external_id, _ in noted] == ["slack:U1", "slack:U2"]
    assert noted[1][1] == "no name (it is left out)"


@pytest.mark.parametrize("down", [True, False])
async def test_a_refusal_of_the_whole_or_without_a_reader_is_passed_on(*, down: bool) -> None:
    directory = Directory(down=down)
    wrong = people(2, u0=ImportedPerson(email="a@b@c"))
    with pytest.raises(Refused):
        await sending(directory, None if not down else lambda *_: None).send(wrong)
    assert directory.calls == 1


def test_a_conversation_is_reduced_to_its_key() -> None:
    given = ImportedConversation(external_id="slack:C1", name="x", topic="y", member_ids=["per_1"])
    (reduced,) = reduced_conversation(given)

    assert (reduced.name, reduced.topic, list(reduced.member_ids)) == ("slack:C1", "", ["per_1"])
