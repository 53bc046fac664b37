"""ImportPeople requests from the people of an export.

Every author in the export becomes a person: those in `users.json` and `org_users.json`, bots as
service accounts, and unlisted ones as deactivated placeholders.
"""

import re
import unicodedata
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from plexus.directory.v1 import directory_service_pb2 as directory
from plexuskit.names import without_tricks

from plexus_cli.slack.export import ORGANISATION_USERS, USERS, Export
from plexus_cli.slack.fields import Entry, child, flag, string
from plexus_cli.slack.problems import OddityKind, Problems

PEOPLE_PER_REQUEST = 500
MAX_NAME_LENGTH = 100
MAX_EMAIL_LENGTH = 254
MAX_BOT_NAME_LENGTH = 100
"""Maximum length of a name that is a bot's only key."""
SLACKBOT = "USLACKBOT"
NOBODY = "unknown"
"""Key of the placeholder for entries without an author."""

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_NOT_IN_HANDLE = re.compile(r"[^a-z0-9._-]+")


@dataclass(frozen=True, kw_only=True)
class SlackPerson:
    """A person of the export; `key` is Slack's id (`U…`, `B…`) or `bot:<username>`."""

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
    """Author named by an entry, whether or not that person is listed."""

    key: str
    name: str
    is_bot: bool


def read_users(
    export: Export, *, problems: Problems
) -> tuple[dict[str, SlackPerson], dict[str, str]]:
    """Read the lists of people; return people by Slack id, and the user id of each bot id.

    For a person of an Enterprise Grid who is in both lists, `users.json` counts. Refused:
    EXPORT_BROKEN.
    """
    people: dict[str, SlackPerson] = {}
    bots: dict[str, str] = {}
    for file in filter(export.has, (USERS, ORGANISATION_USERS)):
        here: set[str] = set()
        for index, entry in export.entries(file, problems=problems):
            key = string(entry, "id")
            if not key or key in here:
                detail = f"user id {key!r} is empty or stands twice; the entry is left out"
                problems.note(OddityKind.DUPLICATE_ID, file=file, index=index, detail=detail)
                continue
            here.add(key)
            if key in people:
                continue
            people[key] = _person(entry, key=key, file=file, index=index, problems=problems)
            if bot := string(child(entry, "profile"), "bot_id"):
                bots.setdefault(bot, key)
    return people, bots


def author_of(entry: Entry, bots: Mapping[str, str]) -> Author:
    """Return the author of `entry`: its user, else its bot, else its shown name, else `NOBODY`."""
    username = string(entry, "username")
    if user := string(entry, "user") or string(child(entry, "comment"), "user"):
        profile = child(entry, "user_profile")
        shown = (string(profile, key) for key in ("real_name", "display_name", "name"))
        name = next(filter(None, shown), username)
        return Author(key=user, name=name, is_bot=user == SLACKBOT)
    if bot := string(entry, "bot_id"):
        return Author(key=bots.get(bot, bot), name=username, is_bot=True)
    if name := without_tricks(username)[:MAX_BOT_NAME_LENGTH].strip():
        return Author(key=f"bot:{name}", name=username, is_bot=True)
    return Author(key=NOBODY, name="", is_bot=False)


def stand_in(author: Author) -> SlackPerson:
    """Create a person for an unlisted author: a bot or a deactivated placeholder."""
    name = without_tricks(author.name) or ("Slackbot" if author.key == SLACKBOT else "")
    return SlackPerson(
        key=author.key,
        handle=handle_from(name, author.key.removeprefix("bot:")),
        display_name=(name or author.key)[:MAX_NAME_LENGTH].strip(),
        deactivated=not author.is_bot,
        service_account=author.is_bot,
    )


def people_requests(people: Sequence[SlackPerson]) -> Iterator[directory.ImportPeopleRequest]:
    """Yield the people as ImportPeople requests, in order, at most PEOPLE_PER_REQUEST each."""
    for start in range(0, len(people), PEOPLE_PER_REQUEST):
        batch = people[start : start + PEOPLE_PER_REQUEST]
        yield directory.ImportPeopleRequest(people=[_imported(person) for person in batch])


def handle_from(*candidates: str) -> str:
    """Return the first candidate reduced to `[a-z0-9._-]` that is not empty, else `someone`."""
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


def _person(entry: Entry, *, key: str, file: str, index: int, problems: Problems) -> SlackPerson:
    profile = child(entry, "profile")
    name = string(entry, "name")

    def odd(kind: OddityKind, detail: str) -> None:
        problems.note(kind, file=file, index=index, detail=detail)

    def shortened(label: str, value: str) -> str:
        if len(value) > MAX_NAME_LENGTH:
            detail = f"{label} of {key} is cut after {MAX_NAME_LENGTH} characters"
            odd(OddityKind.FIELD_SHORTENED, detail)
        return value[:MAX_NAME_LENGTH].strip()

    candidates = (
        string(entry, "real_name"),
        string(profile, "real_name"),
        string(profile, "display_name"),
        name,
    )
    shown = next(filter(None, map(without_tricks, candidates)), key)
    email = string(profile, "email").strip()
    if email and (len(email) > MAX_EMAIL_LENGTH or not _EMAIL.fullmatch(email)):
        odd(OddityKind.EMAIL_INVALID, f"e-mail address {email[:80]!r} of {key} is left out")
        email = ""
    zone = string(entry, "tz")
    if zone and zone not in _zones():
        odd(OddityKind.ZONE_UNKNOWN, f"time zone {zone!r} of {key} is left out")
        zone = ""
    return SlackPerson(
        key=key,
        handle=handle_from(name, email.partition("@")[0], shown, key),
        display_name=shortened("name", shown),
        email=email,
        title=shortened("title", without_tricks(string(profile, "title"))),
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
