"""Scripted owning services, and the issuer of the tokens that they know."""

# ruff: noqa: ARG002, N802 - RPC names, arguments and their meaning are the contract's

import asyncio
import base64
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from joserfc.jwk import OKPKey
from plexus.directory.v1 import directory_service_pb2, scim_service_pb2, session_service_pb2
from plexus.directory.v1.directory_service_pb2_grpc import (
    DirectoryServiceServicer,
)
from plexus.directory.v1.scim_service_pb2_grpc import (
    ScimServiceServicer,
)
from plexus.directory.v1.session_service_pb2_grpc import (
    SessionServiceServicer,
)
from plexus.messaging.v1 import import_service_pb2
from plexus.messaging.v1.import_service_pb2_grpc import (
    ImportServiceServicer,
)
from plexuskit import telemetry
from plexuskit.clock import Clock
from plexuskit.errors import DependencyDown, InvalidArgument, Kind, Refusal
from plexuskit.grpc import caller
from plexuskit.grpc.budget import remaining


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass
class Issuer:
    """Makes tokens as directory does, and as it never would."""

    clock: Clock
    kid: str = "k1"
    key: OKPKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "EdDSA", "kid": self.kid})

    def jwks(self) -> str:
        return json.dumps({"keys": [self.key.as_dict(private=False)]})

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": "plexus",
            "aud": "plexus-gateway",
            "sub": "per_ann",
            "tenant": "ten_acme",
            "sid": "ses_ann",
            "roles": ["member"],
            "jti": "jti_1",
            "iat": now,
            "nbf": now,
            "exp": now + 900,
        } | changed
        return {name: value for name, value in claims.items() if value is not None}

    def header(self, **changed: Any) -> dict[str, Any]:
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": self.kid} | changed
        return {name: value for name, value in header.items() if value is not None}

    def token(self, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        # By hand: a library would not sign half of the tokens that must be refused.
        said = (self.header(**(header or {})), self.claims(**claims))
        signed = ".".join(b64(json.dumps(part).encode()) for part in said)
        return f"{signed}.{b64(self.key.private_key.sign(signed.encode()))}"


class ApiTokenInvalid(Refusal):
    """The token is unknown."""

    kind = Kind.UNAUTHENTICATED


class WrongPassword(Refusal):
    """The password is another one."""

    kind = Kind.UNAUTHENTICATED


class PersonNotFound(Refusal):
    """No person is called {person_id}."""

    kind = Kind.NOT_FOUND


class TooBusy(Refusal):
    """Try again later."""

    kind = Kind.EXHAUSTED


class Directory(DirectoryServiceServicer, SessionServiceServicer, ScimServiceServicer):
    """Owner that behaves as the person's id requests, and publishes the issuer's keys."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.ended: set[str] = set()
        self.api_tokens: dict[bytes, session_service_pb2.ResolveApiTokenResponse] = {}
        self.seen: dict[str, Any] = {}
        self.asked: scim_service_pb2.ExchangeScimRequest | None = None
        self.cancelled = asyncio.Event()
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def GetSigningKeys(self, request: Any, context: Any) -> Any:
        return session_service_pb2.GetSigningKeysResponse(jwks_json=self.issuer.jwks())

    async def resolve(self, request: Any) -> Any:
        found = self.api_tokens.get(request.token_hash)
        if found is None:
            raise ApiTokenInvalid
        return found

    async def ResolveApiToken(self, request: Any, context: Any) -> Any:
        return await self.resolve(request)

    async def FindEndedSessions(self, request: Any, context: Any) -> Any:
        ended = self.ended & set(request.session_ids)
        return session_service_pb2.FindEndedSessionsResponse(ended_session_ids=sorted(ended))

    async def SignIn(self, request: Any, context: Any) -> Any:
        self.seen = {"kind": caller().kind, "person": caller().person_id}
        if request.password == "wrong":
            raise WrongPassword
        if request.password == "down":
            raise DependencyDown(dependency="mongo")
        self.seen["device_key"] = request.device_key
        return session_service_pb2.SignInResponse(
            tokens=self.tokens("refresh-1"), device_key="device-1"
        )

    def tokens(self, refresh: str) -> session_service_pb2.Tokens:
        """Return tokens that live for an hour."""
        made = session_service_pb2.Tokens(access_token="access", refresh_token=refresh)
        made.refresh_expires_at.FromDatetime(self.issuer.clock.now() + timedelta(hours=1))
        return made

    async def RefreshSession(self, request: Any, context: Any) -> Any:
        self.seen = {"refresh_token": request.refresh_token}
        if request.refresh_token != "refresh-1":
            raise WrongPassword
        return session_service_pb2.RefreshSessionResponse(tokens=self.tokens("refresh-2"))

    async def SignOut(self, request: Any, context: Any) -> Any:
        self.seen = {"session": caller().session_id}
        return session_service_pb2.SignOutResponse()

    async def ExchangeScim(self, request: Any, context: Any) -> Any:
        match request.path:
            case "/down":
                raise DependencyDown(dependency="mongo")
            case "/broken":
                raise RuntimeError("the password is hunter2")
            case "/busy":
                raise TooBusy(retry_after=timedelta(seconds=3))
        self.asked = request
        if request.method == "DELETE":
            return scim_service_pb2.ExchangeScimResponse(status=204)
        return scim_service_pb2.ExchangeScimResponse(
            status=201,
            headers={"etag": 'W/"1"', "content-type": "application/scim+json"},
            body='{"id": "安"}'.encode(),
        )

    async def GetPerson(self, request: Any, context: Any) -> Any:
        context_ = caller()
        self.seen = {
            "person": context_.person_id,
            "tenant": context_.tenant_id,
            "session": context_.session_id,
            "roles": list(context_.roles),
            "scopes": list(context_.scopes),
            "api_token": context_.api_token_id,
            "guest": context_.guest,
            "second_factor": context_.second_factor,
            "service": context_.service,
            "audience": context_.audience,
            "left": remaining(),
            "traceparent": telemetry.inject(),
            "metadata": [key for key, _ in context.invocation_metadata()],
        }
        await self._behave(request.person_id)
        response = directory_service_pb2.GetPersonResponse()
        response.person.id = request.person_id
        response.person.display_name = "安"
        return response

    async def _behave(self, what: str) -> None:
        match what:
            case "absent":
                raise PersonNotFound(retry_after=timedelta(seconds=3), person_id=what)
            case "invalid":
                raise InvalidArgument(field="person_id", problem="is odd")
            case "broken":
                raise RuntimeError("the password is hunter2")
            case "down":
                raise DependencyDown(dependency="mongo")
            case "slow":
                self.begun.set()
                try:
                    await self.go_on.wait()
                except asyncio.CancelledError:
                    self.cancelled.set()
                    raise


class Imports(ImportServiceServicer):
    """An owner of a stream both ways: an answer for each request."""

    def __init__(self) -> None:
        self.finished = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.person = ""

    async def ImportMessages(self, request_iterator: Any, context: Any) -> Any:
        self.person = caller().person_id
        try:
            async for request in request_iterator:
                count = len(request.messages)
                yield import_service_pb2.ImportMessagesResponse(imported=count)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        self.finished.set()
