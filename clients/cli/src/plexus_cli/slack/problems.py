"""Problems of an export: oddities that are worked around, and named refusals.

An oddity stops only a strict import; an unreadable part is refused with the file, the index in it
and the time stamp, so that it can be found and repaired.
"""

import enum
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from plexuskit.errors import Kind, Refusal


class ExportBroken(Refusal):
    """The export cannot be read from here on; everything before it stays imported."""

    kind = Kind.INVALID
    text = (
        "{where}: {problem}. Repair the export and run the import again; "
        "what is in already is skipped."
    )

    def __init__(self, *, file: str, problem: str, index: int | None = None, ts: str = "") -> None:
        """Refuse with a problem and its place.

        `file` is its path inside the export, `index` the entry's index in it (from 0), `ts` its
        time stamp if known.
        """
        place = "" if index is None else f", entry {index}"
        stamp = f", ts {ts}" if ts else ""
        super().__init__(
            where=f"{file}{place}{stamp}",
            file=file,
            index="" if index is None else index,
            ts=ts,
            problem=problem,
        )
        self.file = file
        self.index = index
        self.ts = ts
        self.problem = problem


class OddityKind(enum.StrEnum):
    """Reason why an entry could not be imported unchanged."""

    AUTHOR_UNKNOWN = "author unknown"
    MEMBER_UNKNOWN = "member unknown"
    REACTOR_UNKNOWN = "reactor unknown"
    REACTORS_MISSING = "reactors missing"
    MENTION_UNKNOWN = "mention unknown"
    TOO_MANY_MENTIONS = "too many mentions"
    ROOT_MISSING = "root missing"
    TEXT_TOO_LONG = "text too long"
    MESSAGE_TOO_LARGE = "message too large"
    DUPLICATE_TS = "duplicate ts"
    DUPLICATE_ID = "duplicate id"
    EDIT_TIME_ABSURD = "edit time absurd"
    CREATED_ABSURD = "creation time absurd"
    ENTRY_NOT_A_MESSAGE = "entry is not a message"
    FIELD_MALFORMED = "field malformed"
    FIELD_SHORTENED = "field shortened"
    ZONE_UNKNOWN = "time zone unknown"
    NO_MEMBERS = "no members"
    NOT_A_PAIR = "direct chat not of two people"
    FOLDER_UNLISTED = "folder unlisted"
    FILE_IGNORED = "file ignored"
    FOLDER_MISSING = "folder missing"
    FILE_DAMAGED = "file damaged"
    ENTRY_DAMAGED = "entry damaged"
    ENCODING_OTHER = "other encoding"
    TIME_ABSURD = "time stamp absurd"
    EMAIL_INVALID = "e-mail address invalid"
    PERSON_REFUSED = "person refused"
    CONVERSATION_REFUSED = "conversation refused"
    TOO_MANY_FILES = "too many files"
    BLOCK_UNKNOWN = "block unknown"


@dataclass(frozen=True, kw_only=True)
class Oddity:
    """An irregularity: its place and its treatment."""

    kind: OddityKind
    file: str
    detail: str
    index: int | None = None
    ts: str = ""

    def __str__(self) -> str:
        """Return it as one line for a user."""
        place = "" if self.index is None else f", entry {self.index}"
        stamp = f", ts {self.ts}" if self.ts else ""
        return f"{self.file}{place}{stamp}: {self.kind}: {self.detail}"


class ExportUntidy(Refusal):
    """A strict import found an irregularity that a lenient one works around."""

    kind = Kind.INVALID
    text = "{oddity}. Repair the export, or import without --strict."

    def __init__(self, *, oddity: Oddity) -> None:
        """Refuse with the `oddity` that was found."""
        super().__init__(oddity=str(oddity))
        self.oddity = oddity


class PersonNotMapped(Refusal):
    """A person of the export has no id yet: people are imported first."""

    kind = Kind.FAILED_PRECONDITION
    text = "{external_id} has no person yet. Import the people first."


class ConversationNotMapped(Refusal):
    """A conversation of the export has no id yet: conversations are imported before messages."""

    kind = Kind.FAILED_PRECONDITION
    text = "{external_id} has no conversation yet. Import the conversations first."


class Problems:
    """Collector of oddities: it counts all and stores the first of each kind as examples."""

    def __init__(self, *, strict: bool = False, examples_per_kind: int = 20) -> None:
        """Create a collector; with `strict`, the first oddity is refused with EXPORT_UNTIDY."""
        self._strict = strict
        self._examples_per_kind = examples_per_kind
        self._counts: Counter[OddityKind] = Counter()
        self._examples: list[Oddity] = []

    def note(
        self, kind: OddityKind, *, file: str, detail: str, index: int | None = None, ts: str = ""
    ) -> None:
        """Count an oddity and record its place. Refused when strict: EXPORT_UNTIDY."""
        oddity = Oddity(kind=kind, file=file, detail=detail, index=index, ts=ts)
        if self._strict:
            raise ExportUntidy(oddity=oddity)
        self._counts[kind] += 1
        if self._counts[kind] <= self._examples_per_kind:
            self._examples.append(oddity)

    @property
    def counts(self) -> Mapping[OddityKind, int]:
        """Number of oddities of each kind."""
        return MappingProxyType(self._counts)

    @property
    def examples(self) -> Sequence[Oddity]:
        """The first oddities of each kind, in the order of their occurrence."""
        return tuple(self._examples)
