"""Who reports to whom: managers named for people, and the leaders of departments otherwise."""

from collections.abc import Iterable, Mapping

from directory.people.domain.departments import Department
from directory.people.domain.people import Kind, Person
from directory.people.domain.refusals import ReportingCycle, SuperiorUnavailable


def check(manager: Person) -> None:
    """Check that people may report to somebody.

    Raises:
        SuperiorUnavailable: it is somebody deactivated or a guest.
    """
    if not manager.active or manager.kind is Kind.GUEST:
        raise SuperiorUnavailable


def check_chain(person_id: str, managers: Mapping[str, str]) -> None:
    """Check that nobody reports to themselves: following managers up ends.

    In: the person; the manager named for each person on the way up, the person's new one included.

    Raises:
        ReportingCycle: the way up comes back to where it was.
    """
    seen = {person_id}
    above = managers.get(person_id, "")
    while above:
        if above in seen:
            raise ReportingCycle
        seen.add(above)
        above = managers.get(above, "")


def leaders_up(path: Iterable[Department], *, of: str) -> list[str]:
    """List whom a person reports to by default, nearest first: leaders from their department up.

    In: the departments from the main one up to its root; the person, who does not lead themselves.
    """
    return [each.leader_id for each in path if each.leader_id and each.leader_id != of]
