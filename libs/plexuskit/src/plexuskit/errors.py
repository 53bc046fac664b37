"""Named refusals: why a request is not carried out, in words a person can act on."""

import enum
import inspect
import re
import string
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, ClassVar

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# The shape that google.rpc.ErrorInfo asks of a reason.
_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,61}[A-Z0-9]")


class Kind(enum.Enum):
    """Kind of a refusal; `plexuskit.grpc.status` maps each to one gRPC status."""

    INVALID = "invalid"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    FAILED_PRECONDITION = "failed_precondition"
    PERMISSION_DENIED = "permission_denied"
    UNAUTHENTICATED = "unauthenticated"
    CONFLICT = "conflict"
    EXHAUSTED = "exhausted"
    OUT_OF_RANGE = "out_of_range"
    UNAVAILABLE = "unavailable"
    # The verdict on one item that failed unexpectedly (plexuskit.items); never read from an
    # answer: a whole call that answers INTERNAL is a failure (RemoteFailure), not a refusal.
    INTERNAL = "internal"


def _is_template(text: str) -> bool:
    """Return whether the text can be formatted with string metadata without ever raising."""
    try:
        pieces = list(string.Formatter().parse(text))
    except ValueError:
        return False
    return all(
        field is None or (field.isidentifier() and not spec and not conversion)
        for _, field, spec, conversion in pieces
    )


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, named after the fact that prevents
    """A named reason why a request is not carried out.

    Subclass it and set `kind`:

        class ConversationArchived(Refusal):
            '''Conversation {conversation_id} is archived; restore it before you write to it.'''

            kind = Kind.FAILED_PRECONDITION

    `reason` is the class name in UPPER_SNAKE unless the class sets its own. `text` is one sentence
    for a person, with `{field}` for metadata; it falls back to the docstring's first line.
    """

    kind: ClassVar[Kind]
    reason: ClassVar[str] = "REFUSAL"
    text: ClassVar[str] = "The request was refused."

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)

        if "reason" not in own:
            cls.reason = _WORD_START.sub("_", cls.__name__.strip("_")).upper()
        elif isinstance(own["reason"], str) and not _REASON.fullmatch(own["reason"]):
            raise TypeError(f"{cls.__qualname__}.reason must be UPPER_SNAKE, at most 63 characters")

        if "text" not in own:
            first_line = inspect.cleandoc(own.get("__doc__") or "").partition("\n")[0]
            if first_line:
                cls.text = first_line if _is_template(first_line) else _literal(first_line)
        elif isinstance(own["text"], str) and not _is_template(own["text"]):
            raise TypeError(
                f"{cls.__qualname__}.text may hold {{field}} and nothing more in braces"
            )

    def __init__(self, *, retry_after: timedelta | None = None, **metadata: str | int) -> None:
        """Refuse with facts for the caller.

        Args:
            retry_after: time until the same request can succeed, if known.
            metadata: short facts such as ids and limits; they leave the service, so no secrets
                and no content. Integers become decimal strings.

        Raises:
            TypeError: the class has no `kind`.
        """
        if getattr(self, "kind", None) is None:
            raise TypeError(f"{type(self).__qualname__} must set `kind`")
        self.metadata: Mapping[str, str] = MappingProxyType(
            {name: str(value) for name, value in metadata.items()}
        )
        self.retry_after = retry_after
        super().__init__()

    def message(self) -> str:
        """Return the sentence for a person; a field without a value stays as `{field}`."""
        return self.text.format_map(_Fields(self.metadata))

    def __str__(self) -> str:
        return f"{self.reason}: {self.message()}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.metadata.items())})"


class DependencyDown(Refusal):
    """A backend or an owner cannot be reached; consumers keep their offset on it."""

    kind = Kind.UNAVAILABLE
    text = "A part of the system that this needs cannot be reached now; try again in a moment."


class DocumentRefused(Refusal):
    """A document that its store can never hold: too large, or against its schema or mapping."""

    kind = Kind.INVALID
    text = "This is larger, or of another shape, than can be stored; shorten or correct it."


class VersionConflict(Refusal):
    """The `expected_version` of a request is not the current one."""

    kind = Kind.CONFLICT
    text = "It was changed in the meantime; load it again and repeat your change."

    def __init__(self, *, expected_version: int, current_version: int, **ids: Any) -> None:
        """Refuse with both versions.

        Args:
            expected_version: the version that the request names.
            current_version: the stored version, 0 if there is none yet.
            ids: ids of the changed object, for example `task_id`.
        """
        super().__init__(expected_version=expected_version, current_version=current_version, **ids)


class InvalidArgument(Refusal):
    """A field of a request is wrong: `InvalidArgument(field="name", problem="is empty")`."""

    kind = Kind.INVALID
    text = "{field} {problem}."


class _Fields(dict[str, str]):
    """Metadata for `str.format_map`: an answer with a gap is better than an error in its place."""

    def __missing__(self, field: str) -> str:
        return f"{{{field}}}"
