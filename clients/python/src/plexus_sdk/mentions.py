"""Mentions by name: `@handle`, `@显示名`, `@部门` and `@all`, resolved to ids (MSG-13)."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from plexus.directory.v1.directory_service_pb2 import ListDepartmentsRequest
from plexus.directory.v1.people_pb2 import Person
from plexus.messaging.v1.messages_pb2 import Mention, Span
from plexus.messaging.v1.messaging_service_pb2 import ListMembersRequest

from plexus_sdk.connection import Plexus
from plexus_sdk.errors import NameNotFound, Refused
from plexus_sdk.names import Named, ambiguous, closest, fold, the_one
from plexus_sdk.people import People, named
from plexus_sdk.texts import marks_of, run_of

EVERYONE: Final = ("all", "everyone", "here", "channel", "所有人", "全体成员")
"""Words after `@` that mention the whole conversation; no one has them as a handle."""
DEPARTMENT_PREFIX: Final = "dep_"
_ALL: Final = "*"
_PAGE: Final = 1000
# A single letter fits too many people by chance.
_MIN_GUESSED: Final = 2
_HEAD: Final = 2


@dataclass(frozen=True, slots=True)
class TypedMentions:
    """Mentions that were found in a text.

    Attributes:
        mentions: each target once, in the order of the text.
        spans: their places; none for markdown, whose spans the server makes.
        unknown: the `@words` that name no one, which stay plain text.
    """

    mentions: tuple[Mention, ...] = ()
    spans: tuple[Span, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    target: Named
    is_department: bool
    length: int


class Mentions:
    """Resolves names to mentions, as the caller sees people and departments."""

    def __init__(self, plexus: Plexus, *, people: People) -> None:
        self._plexus = plexus
        self._people = people

    async def named(self, names: Iterable[str], *, conversation_id: str = "") -> list[Mention]:
        """Return mentions of people, departments and `all` by name or id.

        Args:
            names: as `resolve` of people takes them; names or ids of departments; `all`.
            conversation_id: its members come before others of the same name.

        Raises:
            NameNotFound: a name fits neither a person nor a department.
            NameAmbiguous: a name fits several.
        """
        given = [name.removeprefix("@") for name in dict.fromkeys(names)]
        finder = _Finder(self._plexus, self._people, conversation_id)
        return _each_once([await self._named(name, finder) for name in given])

    async def typed(
        self, text: str, *, conversation_id: str, markdown: bool = False
    ) -> TypedMentions:
        """Find mentions in a text: after each `@`, the longest name of a member, else of others.

        A member is also found by pinyin and by a beginning that fits no other member. Nothing is a
        mention inside an address, nor inside code and quotes of markdown.

        Args:
            text: as it was typed.
            conversation_id: conversation to which it goes.
            markdown: whether the text has marks.

        Raises:
            NameAmbiguous: a name fits several; it lists them.
        """
        finder = _Finder(self._plexus, self._people, conversation_id)
        mentions: list[Mention] = []
        spans: list[Span] = []
        unknown: list[str] = []
        end = 0
        for start in marks_of(text, markdown=markdown):
            if start < end:
                continue
            rest = text[start + 1 :]
            found = await finder.at(rest)
            if found is None:
                unknown.append(f"@{run_of(rest)}")
                continue
            end = start + 1 + found.length
            mentions.append(_mention(found.target.id, is_department=found.is_department))
            spans.append(_span(found, start=start, end=end))
        return TypedMentions(
            tuple(_each_once(mentions)),
            () if markdown else tuple(spans),
            tuple(dict.fromkeys(unknown)),
        )

    async def _named(self, name: str, finder: "_Finder") -> Mention:
        if fold(name) in EVERYONE:
            return Mention(all=True)
        if name.startswith(DEPARTMENT_PREFIX):
            return Mention(department_id=name)
        member = the_one(name, closest(name, await finder.members()))
        if member is not None:
            return Mention(person_id=member.id)
        with contextlib.suppress(NameNotFound):
            return Mention(person_id=(await self._people.get(name)).id)
        alike = [each for each in await finder.departments() if fold(each.name) == fold(name)]
        department = the_one(name, alike)
        if department is not None:
            return Mention(department_id=department.id)
        return Mention(person_id=(await self._people.resolve(name)).id)


class _Finder:
    """Candidates for the names of one text, each kind loaded once and only when it is needed."""

    def __init__(self, plexus: Plexus, people: People, conversation_id: str) -> None:
        self._plexus = plexus
        self._people = people
        self._conversation_id = conversation_id
        self._members: list[Named] | None = None
        self._departments: list[Named] | None = None
        self._searched: dict[str, list[Named]] = {}

    async def at(self, rest: str) -> _Found | None:
        """Return the mention at the beginning of a text, without its `@`."""
        everyone = [Named(_ALL, word) for word in EVERYONE]
        best = _longest(rest, everyone) or _longest(rest, await self.members())
        if best is not None and not _goes_on(rest, best.length):
            return best
        others = _longest(rest, await self._outside(rest))
        department = _longest(rest, await self.departments(), is_department=True)
        for other in (department, others):
            if other is not None and (best is None or other.length > best.length):
                best = other
        return best or await self._guessed(rest)

    async def _guessed(self, rest: str) -> _Found | None:
        """Return a member by pinyin or a beginning."""
        word = run_of(rest)
        if len(word) < _MIN_GUESSED:
            return None
        member = the_one(f"@{word}", closest(word, await self.members()))
        return _Found(member, is_department=False, length=len(word)) if member else None

    async def members(self) -> list[Named]:
        """Return the active members of the conversation."""
        if self._members is None:
            ids = [each async for each in self._member_ids()]
            people = await self._people.by_id(ids)
            self._members = [
                named(each) for each in people if each.state != Person.STATE_DEACTIVATED
            ]
        return self._members

    async def _member_ids(self) -> AsyncIterator[str]:
        request = ListMembersRequest(conversation_id=self._conversation_id, page_size=_PAGE)
        while self._conversation_id:
            page = await self._plexus.call(self._plexus.messaging.ListMembers, request)
            for member in page.members:
                yield member.person_id
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    async def departments(self) -> list[Named]:
        """Return the departments that the caller may see; guests see none."""
        if self._departments is None:
            self._departments = []
            request = ListDepartmentsRequest(page_size=_PAGE)
            while True:
                try:
                    page = await self._plexus.call(self._plexus.directory.ListDepartments, request)
                except Refused as refused:
                    if refused.reason != "PERMISSION_MISSING":
                        raise
                    break
                self._departments += [Named(each.id, each.name) for each in page.departments]
                request.page_token = page.next_page_token
                if not request.page_token:
                    break
        return self._departments

    async def _outside(self, rest: str) -> list[Named]:
        """Return people whose name or handle has the beginning of a text in it."""
        word = run_of(rest)
        part = word if word.isascii() else word[:_HEAD]
        if not part:
            return []
        if part not in self._searched:
            self._searched[part] = [named(each) for each in await self._people.search(part)]
        return self._searched[part]


def _longest(
    rest: str, candidates: Iterable[Named], *, is_department: bool = False
) -> _Found | None:
    """Return whose name or handle is the longest beginning of a text.

    Raises:
        NameAmbiguous: several have that name, and none of them has it as a handle.
    """
    length, alike = 0, list[tuple[Named, bool]]()
    for each in candidates:
        for name, is_handle in ((each.handle, True), (each.name, False)):
            if len(name) < length or not _begins(rest, name):
                continue
            if len(name) > length:
                length, alike = len(name), []
            alike.append((each, is_handle))
    if not alike:
        return None
    by_handle = {each.id: each for each, is_handle in alike if is_handle}
    meant = list((by_handle or {each.id: each for each, _ in alike}).values())
    if len(meant) > 1:
        raise ambiguous(f"@{rest[:length]}", meant)
    return _Found(meant[0], is_department=is_department, length=length)


def _begins(rest: str, name: str) -> bool:
    """Return whether a text begins with a whole name."""
    if not name or fold(rest[: len(name)]) != fold(name):
        return False
    following = rest[len(name) :]
    return not (name[-1].isascii() and re.match(r"[A-Za-z0-9_]|[.-][A-Za-z0-9]", following))


def _goes_on(rest: str, length: int) -> bool:
    """Return whether more characters of a script without spaces follow a name."""
    return rest[length : length + 1].isalpha() and not rest[length].isascii()


def _mention(target_id: str, *, is_department: bool) -> Mention:
    if target_id == _ALL:
        return Mention(all=True)
    return Mention(department_id=target_id) if is_department else Mention(person_id=target_id)


def _span(found: _Found, *, start: int, end: int) -> Span:
    span = Span(start=start, length=end - start)
    if found.target.id == _ALL:
        span.mention_all = True
    elif found.is_department:
        span.mention_department_id = found.target.id
    else:
        span.mention_person_id = found.target.id
    return span


def joined(mentions: Sequence[Mention], more: Iterable[Mention]) -> list[Mention]:
    """Return mentions of both, each target once."""
    return _each_once([*mentions, *more])


def _each_once(mentions: Iterable[Mention]) -> list[Mention]:
    return list({each.SerializeToString(): each for each in mentions}.values())
