"""People as notify needs to know them."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DEFAULT_LOCALE: Final = "zh-CN"
DEFAULT_ZONE: Final = "Asia/Shanghai"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Latest state of a person from directory; `is_app` marks service accounts.

    Attributes:
        email_since: when another person gave them the address; None for their first one.
    """

    id: str
    tenant_id: str
    display_name: str
    email: str
    time_zone: str
    locale: str
    active: bool
    is_app: bool
    version: int
    email_since: datetime | None = None


def succeeding(previous: Person | None, person: Person, *, actor_id: str, at: datetime) -> Person:
    """Return a person's next state, with the time since when they have had the address.

    Args:
        previous: the state as stored; None for a person who was not known.
        person: the state in a fact or snapshot.
        actor_id: the person who caused it.
        at: when it occurred.
    """
    if previous is None:
        return person
    if previous.email == person.email:
        return replace(person, email_since=previous.email_since)
    return person if actor_id == person.id else replace(person, email_since=at)


def locale_of(person: Person | None) -> str:
    """Return the language to write in, of a person who may not be known yet."""
    return person.locale if person and person.locale else DEFAULT_LOCALE


def zone_of(person: Person | None, *, chosen: str = "") -> ZoneInfo:
    """Return the zone that a person lives by: the chosen one, else directory's, else the default.

    A name that this machine's zone data does not know counts as none: quiet hours a little off are
    better than a notification that cannot be made.
    """
    for name in (chosen, person.time_zone if person else "", DEFAULT_ZONE):
        if name and (zone := zone_named(name)):
            return zone
    raise ZoneInfoNotFoundError(f"the zone data lacks {DEFAULT_ZONE}; install tzdata")


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """Return the IANA zone of that name, None if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
