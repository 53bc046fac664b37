"""Turns the people of an export into ImportPeople requests.

Whoever acts in the export gets a person: those in `users.json`, bots as service accounts, and
everybody unknown as a deactivated placeholder.
"""

import re
import unicodedata
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from plexus.directory.v1 import directory_service_pb2 as directory

from plexus_cli.slack.export import Export
from plexus_cli.slack.fields import Entry, child, flag, string
from plexus_cli.slack.problems import OddityKind, Problems

PEOPLE_PER_REQUEST = 500
MAX_NAME_LENGTH = 200
SLACKBOT = "USLACKBOT"
NOBODY = "unknown"
"""Key of the placeholder for entries that name no author at all."""

_USERS = "users.json"
_NOT_IN_HANDLE = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True, kw_only=True)
class SlackPerson:
    """Somebody of the export; `key` is Slack's id (`U…`, `B…`) or `bot:<username>`."""

    key: str
    handle: str
    display_name: str
    email: str = ""
    title: str = ""
    time_zone: str = ""
    locale: str = ""
    deactivated: bool = False
    service_account: bool = False

    @property
    def external_id(self) -> str:
        """Key of the import."""
        return f"slack:{self.key}"


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who an entry says wrote it, before it is known whether that person exists."""

    key: str
    name: str
    is_bot: bool


def read_users(
    export: Export, *, problems: Problems
) -> tuple[dict[str, SlackPerson], dict[str, str]]:
    """Read `users.json`: people by Slack id, and the user id of each bot id.

    Refused: EXPORT_BROKEN.
    """
    people: dict[str, SlackPerson] = {}
    bots: dict[str, str] = {}
    for index, entry in enumerate(export.entries(_USERS)):
        key = string(entry, "id")
        if not key or key in people:
            detail = f"user id {key!r} is empty or stands twice; the entry is left out"
            problems.note(OddityKind.DUPLICATE_ID, file=_USERS, index=index, detail=detail)
            continue
        people[key] = _person(entry, key=key, index=index, problems=problems)
        if bot := string(child(entry, "profile"), "bot_id"):
            bots.setdefault(bot, key)
    return people, bots


def author_of(entry: Entry, bots: Mapping[str, str]) -> Author:
    """Answer who wrote `entry`: its user, else its bot, else the name it shows, else NOBODY."""
    username = string(entry, "username")
    if user := string(entry, "user") or string(child(entry, "comment"), "user"):
        profile = child(entry, "user_profile")
        shown = (string(profile, key) for key in ("real_name", "display_name", "name"))
        name = next(filter(None, shown), username)
        return Author(key=user, name=name, is_bot=user == SLACKBOT)
    if bot := string(entry, "bot_id"):
        return Author(key=bots.get(bot, bot), name=username, is_bot=True)
    if username:
        return Author(key=f"bot:{username}", name=username, is_bot=True)
    return Author(key=NOBODY, name="", is_bot=False)


def stand_in(author: Author) -> SlackPerson:
    """Make the person for somebody not in `users.json`: a bot or a deactivated placeholder."""
    name = author.name or ("Slackbot" if author.key == SLACKBOT else "")
    return SlackPerson(
        key=author.key,
        handle=handle_from(name, author.key.removeprefix("bot:")),
        display_name=(name or author.key)[:MAX_NAME_LENGTH],
        deactivated=not author.is_bot,
        service_account=author.is_bot,
    )


def people_requests(people: Sequence[SlackPerson]) -> Iterator[directory.ImportPeopleRequest]:
    """Yield the people as ImportPeople requests, in order, at most PEOPLE_PER_REQUEST each."""
    for start in range(0, len(people), PEOPLE_PER_REQUEST):
        batch = people[start : start + PEOPLE_PER_REQUEST]
        yield directory.ImportPeopleRequest(people=[_imported(person) for person in batch])


def handle_from(*candidates: str) -> str:
    """Answer the first candidate that leaves something in `[a-z0-9._-]`, else `someone`."""
    for candidate in candidates:
        plain = unicodedata.normalize("NFKD", candidate).encode("ascii", "ignore").decode().lower()
        handle = _NOT_IN_HANDLE.sub("-", plain).strip("._-")[:64].rstrip("._-")
        if handle:
            return handle
    return "someone"


def _imported(person: SlackPerson) -> directory.ImportedPerson:
    return directory.ImportedPerson(
        external_id=person.external_id,
        handle=person.handle,
        display_name=person.display_name,
        email=person.email,
        title=person.title,
        time_zone=person.time_zone,
        locale=person.locale,
        deactivated=person.deactivated,
        service_account=person.service_account,
    )


def _person(entry: Entry, *, key: str, index: int, problems: Problems) -> SlackPerson:
    profile = child(entry, "profile")
    name = string(entry, "name")
    email = string(profile, "email").strip()
    shown = (
        string(entry, "real_name").strip()
        or string(profile, "real_name").strip()
        or string(profile, "display_name").strip()
        or name
        or key
    )
    title = string(profile, "title").strip()
    for label, value in (("name", shown), ("title", title)):
        if len(value) > MAX_NAME_LENGTH:
            detail = f"{label} of {key} is cut after {MAX_NAME_LENGTH} characters"
            problems.note(OddityKind.FIELD_SHORTENED, file=_USERS, index=index, detail=detail)

    zone = string(entry, "tz")
    if zone and zone not in _zones():
        detail = f"time zone {zone!r} of {key} is left out"
        problems.note(OddityKind.ZONE_UNKNOWN, file=_USERS, index=index, detail=detail)
        zone = ""
    return SlackPerson(
        key=key,
        handle=handle_from(name, email.partition("@")[0], shown, key),
        display_name=shown[:MAX_NAME_LENGTH],
        email=email,
        title=title[:MAX_NAME_LENGTH],
        time_zone=zone,
        locale=_locale(string(entry, "locale")),
        deactivated=flag(entry, "deleted"),
        service_account=flag(entry, "is_bot") or flag(entry, "is_workflow_bot") or key == SLACKBOT,
    )


def _locale(value: str) -> str:
    language = value.lower().partition("-")[0]
    return {"zh": "zh-CN", "en": "en"}.get(language, "")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())
