"""Reporting lines: managers named for people, otherwise the leaders of departments."""

from collections.abc import Iterable, Mapping

from directory.people.domain.departments import Department
from directory.people.domain.people import Kind, Person
from directory.people.domain.refusals import ReportingCycle, SuperiorUnavailable


def check(manager: Person) -> None:
    """Check that people may report to a person.

    Raises:
        SuperiorUnavailable: the person is deactivated or a guest.
    """
    if not manager.active or manager.kind is Kind.GUEST:
        raise SuperiorUnavailable


def check_chain(person_id: str, managers: Mapping[str, str]) -> None:
    """Check that a person does not report to themselves: the chain of managers ends.

    In: the person; the manager of each person up the chain, the person's new one included.

    Raises:
        ReportingCycle: the chain comes back to a person already in it.
    """
    seen = {person_id}
    above = managers.get(person_id, "")
    while above:
        if above in seen:
            raise ReportingCycle
        seen.add(above)
        above = managers.get(above, "")


def leaders_up(path: Iterable[Department], *, of: str) -> list[str]:
    """List the default superiors of a person, nearest first: leaders from their department up.

    In: the departments from the main one up to its root; the person, who cannot lead themselves.
    """
    return [each.leader_id for each in path if each.leader_id and each.leader_id != of]
