"""Questions of a working day, each with the answer that the company implies."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from plexus_access.engine import Ask
from plexus_access.objects import CONVERSATION, PERSON, Object

from plexus_bench.access.company import Company

_TALKING: Final = ("messages.read", "messages.send")
_FOREIGN: Final = 0.1
_ADMINISTRATING: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question and its expected answer."""

    ask: Ask
    allowed: bool


class Asking:
    """Generator of questions about a company."""

    def __init__(self, company: Company, *, seed: int) -> None:
        """Select the objects to ask about; the same seed gives the same questions."""
        self._company = company
        self._chance = random.Random(seed)  # noqa: S311 - the same questions for the same seed
        self._conversations = list(company.rosters)
        self._members = [frozenset(places) for places in company.rosters.values()]
        self._of: list[list[int]] = [[] for _ in company.people]
        for number, places in enumerate(self._members):
            for place in places:
                self._of[place].append(number)
        self._talking = [place for place, mine in enumerate(self._of) if mine]
        self._scopes: dict[str, list[str]] = {}
        for person_id, department_id in company.administrators():
            self._scopes.setdefault(person_id, []).append(department_id)

    def mixed(self, count: int) -> list[Question]:
        """Return a day's mix: 80 % on own conversations, 10 % on foreign ones, 10 % on people."""
        return [self._one(self._chance.random()) for _ in range(count)]

    def first_of_each(self) -> list[Question]:
        """Return one question of each person with conversations, on one of these."""
        return [self._own(place) for place in self._talking]

    def _one(self, lot: float) -> Question:
        if lot < _FOREIGN:
            return self._foreign()
        if lot < _ADMINISTRATING and self._scopes:
            return self._person()
        return self._own(self._chance.choice(self._talking))

    def _own(self, place: int) -> Question:
        number = self._chance.choice(self._of[place])
        return self._about(place, number, allowed=True)

    def _foreign(self) -> Question:
        while True:
            place = self._chance.randrange(len(self._of))
            number = self._chance.randrange(len(self._members))
            if place not in self._members[number]:
                return self._about(place, number, allowed=False)

    def _about(self, place: int, number: int, *, allowed: bool) -> Question:
        return Question(
            ask=Ask(
                person_id=self._company.people[place],
                permission=self._chance.choice(_TALKING),
                object=Object(CONVERSATION, self._conversations[number]),
            ),
            allowed=allowed,
        )

    def _person(self) -> Question:
        """Return a question of a department administrator about a person there, or anywhere."""
        asking = self._chance.choice(list(self._scopes))
        scopes = self._scopes[asking]
        about = self._chance.choice(self._company.people)
        if self._chance.random() < 0.5:  # noqa: PLR2004 - a coin
            about = self._below(self._chance.choice(scopes)) or about
        return Question(
            ask=Ask(person_id=asking, permission="people.manage", object=Object(PERSON, about)),
            allowed=any(self._within(about, scope) for scope in scopes),
        )

    def _within(self, person_id: str, scope: str) -> bool:
        homes = self._company.homes[person_id]
        return all(scope in self._company.paths[home] for home in homes)

    def _below(self, scope: str) -> str | None:
        """Return a person of a department by trial; None if it is small."""
        for _ in range(20):
            found = self._chance.choice(self._company.people)
            if self._within(found, scope):
                return found
        return None


def asks(questions: Sequence[Question]) -> list[Ask]:
    """Return the questions without their expected answers."""
    return [each.ask for each in questions]
