"""Password rules, and the cost of guessing."""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from plexuskit.backoff import doubled
from plexuskit.errors import InvalidArgument

from directory.accounts.domain.guessable import is_guessable
from directory.shared.domain.texts import fold

FEWEST_CHARACTERS: Final = 8
MAX_CHARACTERS: Final = 256
FREE_FAILURES: Final = 5
FIRST_LOCK: Final = timedelta(seconds=30)
MAX_LOCK: Final = timedelta(minutes=15)
FORGOTTEN_AFTER: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Attempts at one handle from one source that have not (yet) succeeded.

    Counted whether the handle exists or not, so that lock-out does not reveal existing handles.
    """

    failures: int
    locked_until: datetime | None


def normalise(password: str, *, field: str, about: Sequence[str]) -> str:
    """Check a new password and convert it to NFKC, so that every keyboard types the same.

    Args:
        password: as it was typed.
        field: the field of the request, for the refusal.
        about: handle, names and e-mail of the person; a password made of them is refused.

    Raises:
        InvalidArgument: it has fewer than 8 or more than 256 characters, or is easily guessed.
    """
    normal = comparable(password)
    if len(normal) < FEWEST_CHARACTERS:
        raise InvalidArgument(field=field, problem=f"is shorter than {FEWEST_CHARACTERS}")
    if len(normal) > MAX_CHARACTERS:
        raise InvalidArgument(field=field, problem=f"is longer than {MAX_CHARACTERS}")
    if is_guessable(normal, about=about):
        raise InvalidArgument(
            field=field,
            problem="is easily guessed; choose one that is neither a common password, nor a name "
            "or words in pinyin with a number, for example four words that do not belong together",
        )
    return normal


def comparable(password: str) -> str:
    """Normalise a password to the form that was hashed, for checking; refuses nothing.

    A password over the maximum is cut to one character more: it stays wrong and costs no more than
    others.
    """
    return unicodedata.normalize("NFKC", password[: 4 * MAX_CHARACTERS])[: MAX_CHARACTERS + 1]


def attempt_key(*, tenant_id: str, handle: str, source: str) -> str:
    """Return the key under which attempts at a handle are counted.

    Each source has its own count, so that no attacker can lock out another person (GW-13). The key
    is a hash: people type passwords into the handle field, and those must not be stored.

    Args:
        tenant_id: the tenant.
        handle: the handle as typed.
        source: a network, a known device, or an open session.
    """
    typed = f"{tenant_id}\n{fold(handle.strip())}\n{source}"
    return hashlib.sha256(typed.encode("utf-8", "surrogatepass")).hexdigest()


def factor_key(*, tenant_id: str, person_id: str, source: str) -> str:
    """Make the key that attempts at a person's second factor from a source are counted under."""
    word = f"{tenant_id}\nsecond factor\n{person_id}\n{source}"
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()


def locked_for(attempts: Attempts | None, *, now: datetime) -> timedelta | None:
    """Return how long passwords are refused unchecked; None: not locked."""
    if attempts is None or attempts.locked_until is None or attempts.locked_until <= now:
        return None
    return attempts.locked_until - now


def count(attempts: Attempts | None, *, now: datetime) -> Attempts:
    """Count an attempt as failed before its password is checked: parallel guesses gain nothing.

    From the fifth failure on the source is locked: 30 s, doubled with each further one, at most 15
    minutes. Attempts during a lock are not counted, so no lock lasts for ever.
    """
    failures = (attempts.failures if attempts else 0) + 1
    if failures < FREE_FAILURES:
        return Attempts(failures=failures, locked_until=None)
    lock = doubled(failures - FREE_FAILURES, (FIRST_LOCK, MAX_LOCK))
    return Attempts(failures=failures, locked_until=now + lock)
