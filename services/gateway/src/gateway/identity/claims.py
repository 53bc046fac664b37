"""Claims of access tokens and their strict parsing (RFC 8725, RFC 9068)."""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from joserfc.util import urlsafe_b64decode
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.identity.refusals import TokenInvalid

SECOND_FACTOR: Final = "mfa"

Text = Annotated[str, Field(min_length=1, max_length=200)]
Seconds = Annotated[int, Field(gt=0, lt=2**33)]


class Header(BaseModel):
    """The only accepted header; `jku`, `jwk`, `x5u`, `crit` and all others are refused."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    alg: Literal["EdDSA"]
    typ: Literal["at+jwt"]
    kid: Text


class Claims(BaseModel):
    """Required claims of a token; all others are ignored (RFC 9068)."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    iss: Literal["plexus"]
    aud: Literal["plexus-gateway"]
    sub: Text
    tenant: Text
    sid: Text
    jti: Text
    roles: Annotated[list[Text], Field(max_length=50)]
    iat: Seconds
    nbf: Seconds
    exp: Seconds
    # Left out by a token without limits, and by directories from before there were any.
    scopes: Annotated[list[Text], Field(min_length=1, max_length=200)] | None = None
    amr: Annotated[list[Text], Field(max_length=10)] = []
    guest: bool = False


def header_of(token: str) -> Header:
    """Read the header of a token, before anything of it is believed.

    Refusals: TOKEN_INVALID for any header but ours.
    """
    try:
        return Header.model_validate(_object(urlsafe_b64decode(token.partition(".")[0].encode())))
    except (ValueError, ValidationError, RecursionError):
        raise TokenInvalid from None


def claims_of(payload: bytes) -> Claims:
    """Read the payload of a token whose signature was verified.

    Refusals: TOKEN_INVALID for an incomplete set of claims.
    """
    try:
        return Claims.model_validate(_object(payload))
    except (ValueError, ValidationError, RecursionError):
        raise TokenInvalid from None


def _object(raw: bytes) -> dict[str, Any]:
    """Read a JSON object; a name that comes twice could be read in two ways, so it is no object."""
    read: Any = json.loads(raw.decode("utf-8"), object_pairs_hook=_once)
    return dict(read)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found
