"""Refusals as SCIM errors (RFC 7644, 3.12)."""

from typing import Final

from plexuskit.errors import Kind, Refusal
from pydantic import ValidationError
from scim2_models import Error, SCIMException

from directory.scim.api import problems
from directory.scim.api.exchange import Answer

UNPROCESSABLE: Final = (SCIMException, ValidationError, Refusal)

_STATUSES: Final = {
    Kind.INVALID: (400, "invalidValue"),
    # An object named in a body that does not exist is an invalid value of the body.
    Kind.NOT_FOUND: (400, "invalidValue"),
    Kind.ALREADY_EXISTS: (409, "uniqueness"),
    Kind.FAILED_PRECONDITION: (409, None),
    Kind.PERMISSION_DENIED: (403, None),
    Kind.UNAUTHENTICATED: (401, None),
    Kind.CONFLICT: (409, None),
    Kind.EXHAUSTED: (429, None),
    Kind.OUT_OF_RANGE: (400, "invalidValue"),
    Kind.UNAVAILABLE: (503, None),
}


def answer_to(error: SCIMException | ValidationError | Refusal) -> Answer:
    """Return the response for an error."""
    match error:
        case ValidationError():
            return _rendered(problems.of_validation(error))
        case SCIMException():
            return _rendered(problems.of_exception(error))
        case _:
            status, scim_type = _STATUSES[error.kind]
            shown = Error(status=status, scim_type=scim_type, detail=_detail(error))
            waits = error.retry_after
            headers = {"retry-after": str(round(waits.total_seconds()))} if waits else {}
            return _rendered(shown, headers)


def refused(status: int, detail: str, **headers: str) -> Answer:
    """Return an error that only HTTP can express."""
    return _rendered(Error(status=status, detail=detail), headers)


def _detail(refusal: Refusal) -> str:
    """Return the sentence of a refusal with the facts that it does not name, for example an id."""
    text = refusal.message()
    facts = [f"{name}: {value}" for name, value in refusal.metadata.items() if value not in text]
    return f"{text} ({', '.join(facts)})" if facts else text


def _rendered(error: Error, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status=error.status or 400, body=error.model_dump(), headers=headers or {})
