"""Validation of a person's fields: each function returns the clean value or refuses."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from plexuskit.errors import InvalidArgument
from plexuskit.names import clean_line, clean_name

from directory.shared.domain.actors import MEMBER, ROLES
from directory.shared.domain.ids import DepartmentId

DEFAULT_LOCALE: Final = "zh-CN"
MAX_DEPARTMENTS: Final = 20
_MAX_NAME: Final = 100
_MAX_EMAIL: Final = 254
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_EXTERNAL_ID: Final = re.compile(r"[^\s:]+:\S.*")
_MAX_EXTERNAL_ID: Final = 200


def display_name(value: str, *, field: str = "display_name") -> str:
    """Clean a name of a person, tenant or department: 1 to 100 characters, no tricks in them.

    Raises:
        InvalidArgument: nothing visible is left, or it is longer.
    """
    return clean_name(value, field=field, max_chars=_MAX_NAME)


def title(value: str, *, field: str = "title") -> str:
    """Clean a post: at most 100 characters on one line, may be empty.

    Raises:
        InvalidArgument: it is longer.
    """
    return clean_line(value, field=field, max_chars=_MAX_NAME)


def email(value: str, *, field: str = "email") -> str:
    """Check an address by its outer form only; empty means unknown.

    Raises:
        InvalidArgument: there is no `name@host` in it.
    """
    clean = clean_line(value, field=field, max_chars=_MAX_EMAIL)
    if clean and not _EMAIL.fullmatch(clean):
        raise InvalidArgument(field=field, problem="is not an e-mail address")
    return clean


def line(value: str, *, field: str) -> str:
    """Clean a short field of one line, for example a cost centre; empty means unknown.

    Raises:
        InvalidArgument: it is longer than 100 characters.
    """
    return clean_line(value, field=field, max_chars=_MAX_NAME)


def time_zone(value: str, *, field: str = "time_zone") -> str:
    """Check an IANA zone name, for example `Asia/Shanghai`.

    Raises:
        InvalidArgument: the zone is unknown here.
    """
    if not _known_zone(value):
        raise InvalidArgument(field=field, problem="is not an IANA time zone")
    return value


def locale(value: str, *, field: str = "locale") -> str:
    """Check a BCP 47 tag by its form, for example `zh-CN`; empty becomes the default.

    Raises:
        InvalidArgument: it does not look like one.
    """
    if not value:
        return DEFAULT_LOCALE
    if not _LOCALE.fullmatch(value):
        raise InvalidArgument(field=field, problem="is not a BCP 47 language tag")
    return value


def roles(
    values: Iterable[str], *, field: str = "roles", otherwise: str = MEMBER
) -> tuple[str, ...]:
    """Check role names; none means `member`, or `otherwise`.

    Out: without repetition, in the order of `ROLES`.

    Raises:
        InvalidArgument: a role is unknown.
    """
    given = set(values)
    if unknown := given.difference(ROLES):
        raise InvalidArgument(field=field, problem=f"holds the unknown role {min(unknown)!r}")
    return tuple(role for role in ROLES if role in given) or (otherwise,)


def departments(
    values: Iterable[str], *, field: str = "department_ids"
) -> tuple[DepartmentId, ...]:
    """Check a person's departments: at most 20, main one first, duplicates dropped.

    The store checks that they exist.

    Raises:
        InvalidArgument: there are more.
    """
    given = tuple(DepartmentId(value) for value in dict.fromkeys(values))
    if len(given) > MAX_DEPARTMENTS:
        raise InvalidArgument(field=field, problem=f"holds more than {MAX_DEPARTMENTS}")
    return given


def external_id(value: str, *, field: str = "external_id") -> str:
    """Check the key of an import, `<source>:<id>`.

    Raises:
        InvalidArgument: it has another form or is longer than 200 characters.
    """
    if len(value) > _MAX_EXTERNAL_ID or not _EXTERNAL_ID.fullmatch(value):
        raise InvalidArgument(field=field, problem="is not of the form <source>:<id>")
    return value


@lru_cache(maxsize=1024)
def _known_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # An absolute path, a folder of the zone database and an unknown name fail differently.
        return False
    return bool(name)
