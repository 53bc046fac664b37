"""Authenticated connection to a gateway, with the stubs of every service."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import grpc

from plexus_sdk.backoff import doubled
from plexus_sdk.errors import Refused, SignedOut, Unreachable, refusals
from plexus_sdk.profiles import Profile, Profiles
from plexus_sdk.retries import AS_ASKED, FIRST_WAIT_SECONDS, RetryPolicy, repeat

if TYPE_CHECKING:
    from plexus.audit.v1.access_service_pb2_grpc import AccessHistoryServiceAsyncStub
    from plexus.audit.v1.audit_service_pb2_grpc import AuditServiceAsyncStub
    from plexus.directory.v1 import session_service_pb2
    from plexus.directory.v1.access_service_pb2_grpc import AccessServiceAsyncStub
    from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceAsyncStub
    from plexus.directory.v1.scim_service_pb2_grpc import ScimServiceAsyncStub
    from plexus.directory.v1.session_service_pb2_grpc import SessionServiceAsyncStub
    from plexus.gateway.v1.session_service_pb2_grpc import SessionServiceAsyncStub as LiveAsyncStub
    from plexus.messaging.v1.import_service_pb2_grpc import ImportServiceAsyncStub
    from plexus.messaging.v1.messaging_service_pb2_grpc import MessagingServiceAsyncStub
    from plexus.messaging.v1.personal_service_pb2_grpc import PersonalServiceAsyncStub
    from plexus.messaging.v1.signal_service_pb2_grpc import SignalServiceAsyncStub
    from plexus.notify.v1.notify_service_pb2_grpc import NotifyServiceAsyncStub
    from plexus.search.v1.search_service_pb2_grpc import SearchServiceAsyncStub
    from plexus.tasks.v1.tasks_service_pb2_grpc import TasksServiceAsyncStub

ResponseT = TypeVar("ResponseT")
StubT = TypeVar("StubT")
Metadata = tuple[tuple[str, str | bytes], ...]

CALL_SECONDS: Final = 20.0
AUTHORITIES: Final = "PLEXUS_CA_FILE"
RENEW_BEFORE_SECONDS: Final = 60.0
# After a lost response, RefreshSession is repeated with the same token. Directory allows that twice
# within 5 minutes of the first use, as long as none of the resulting refresh tokens has been used.
# This bound is how long a caller waits.
RENEWAL_SECONDS: Final = 8.0
_RENEWAL_TRY_SECONDS: Final = 4.0
_EXPIRED: Final = "TOKEN_EXPIRED"
_SECURED: Final = ("grpcs://", "https://")
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.enable_retries", 0),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


class Service(Generic[StubT]):
    """The stub of a service, whose contract is imported at its first use."""

    def __init__(self, contract: str, stub: str) -> None:
        """Store the contract, as `messaging.v1.messaging_service`, and the class of its stub."""
        self._contract = contract
        self._stub = stub
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, plexus: "Plexus", owner: type) -> StubT:
        contract = import_module(f"plexus.{self._contract}_pb2_grpc")
        stub: StubT = getattr(contract, self._stub)(plexus.channel)
        # From now on attribute lookup finds the stub before this descriptor.
        plexus.__dict__[self._name] = stub
        return stub


class Plexus:
    """A signed-in person's connection: every RPC, with automatic renewal of tokens.

    `client.call(client.audit.ListEntries, request)` reaches every method of every service; the
    attributes are the generated stubs.
    """

    grants: "Service[AccessServiceAsyncStub]" = Service(
        "directory.v1.access_service", "AccessServiceStub"
    )
    directory: "Service[DirectoryServiceAsyncStub]" = Service(
        "directory.v1.directory_service", "DirectoryServiceStub"
    )
    scim: "Service[ScimServiceAsyncStub]" = Service("directory.v1.scim_service", "ScimServiceStub")
    sessions: "Service[SessionServiceAsyncStub]" = Service(
        "directory.v1.session_service", "SessionServiceStub"
    )
    messaging: "Service[MessagingServiceAsyncStub]" = Service(
        "messaging.v1.messaging_service", "MessagingServiceStub"
    )
    signals: "Service[SignalServiceAsyncStub]" = Service(
        "messaging.v1.signal_service", "SignalServiceStub"
    )
    personal: "Service[PersonalServiceAsyncStub]" = Service(
        "messaging.v1.personal_service", "PersonalServiceStub"
    )
    imports: "Service[ImportServiceAsyncStub]" = Service(
        "messaging.v1.import_service", "ImportServiceStub"
    )
    tasks: "Service[TasksServiceAsyncStub]" = Service("tasks.v1.tasks_service", "TasksServiceStub")
    notify: "Service[NotifyServiceAsyncStub]" = Service(
        "notify.v1.notify_service", "NotifyServiceStub"
    )
    search: "Service[SearchServiceAsyncStub]" = Service(
        "search.v1.search_service", "SearchServiceStub"
    )
    audit: "Service[AuditServiceAsyncStub]" = Service("audit.v1.audit_service", "AuditServiceStub")
    access_history: "Service[AccessHistoryServiceAsyncStub]" = Service(
        "audit.v1.access_service", "AccessHistoryServiceStub"
    )
    live: "Service[LiveAsyncStub]" = Service("gateway.v1.session_service", "SessionServiceStub")

    def __init__(
        self,
        channel: grpc.aio.Channel,
        profile: Profile,
        profiles: Profiles,
        *,
        retries: RetryPolicy = AS_ASKED,
    ) -> None:
        """Prepare the stubs; nothing is sent before the first call.

        Args:
            channel: of `open_channel`.
            profile: tokens and identity of the caller.
            profiles: file that stores renewed tokens.
            retries: policy for repeating calls.
        """
        self.channel = channel
        self.profile = profile
        self.retries = retries
        self._profiles = profiles

    async def call(
        self,
        method: Callable[..., Awaitable[ResponseT]],
        request: Any,
        *,
        seconds: float = CALL_SECONDS,
        extra: Metadata = (),
    ) -> ResponseT:
        """Call a unary method; repeat it as the retry policy allows.

        Args:
            method: a method of one of the stubs.
            request: message to send; under a thorough policy a copy of it gets a request id if its
                `request_id` is empty.
            seconds: deadline of each single call.
            extra: additional metadata, for example the reason of a privileged read.

        Raises:
            Refused: the refusal of the service; SignedOut or Unreachable if that is the cause.
        """
        request = self._numbered(request)

        async def attempt() -> ResponseT:
            metadata = (*await self.metadata(), *extra)
            token = self.profile.access_token
            try:
                return await answer(method, request, metadata=metadata, timeout=seconds)
            except SignedOut as refused:
                if refused.reason != _EXPIRED or not await self.renew_rejected(token):
                    raise
            metadata = (*await self.metadata(), *extra)
            return await answer(method, request, metadata=metadata, timeout=seconds)

        return await repeat(attempt, request=request, policy=self.retries)

    async def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return the metadata that authenticates a call; its token is valid for at least a minute.

        Raises:
            SignedOut: the session has ended.
            Unreachable: the token could not be renewed now.
        """
        if self.expires_in < RENEW_BEFORE_SECONDS:
            await self._renew()
        return (("authorization", f"Bearer {self.profile.access_token}"),)

    @property
    def expires_in(self) -> float:
        """Seconds until the access token expires, by the clock of this machine."""
        return self.profile.access_expires_at - time.time()

    async def renew(self) -> None:
        """Exchange the refresh token now, for an access token with current claims.

        Raises:
            Refused: see `metadata`.
        """
        async with self._profiles.held():
            await self._trade(self._profiles.find(self.profile.name))

    async def renew_rejected(self, token: str) -> bool:
        """Renew an access token that Plexus rejects as expired, regardless of the local clock.

        Returns:
            False if it cannot be renewed, as for an API token.

        Raises:
            Refused: see `metadata`.
        """
        if not self.profile.refresh_token:
            return False
        async with self._profiles.held():
            stored = self._profiles.find(self.profile.name)
            if stored.access_token != token:
                self.profile = stored
            else:
                await self._trade(stored)
        return True

    async def _renew(self) -> None:
        """Renew the token, unless another call or process of this person has just done it."""
        async with self._profiles.held():
            stored = self._profiles.find(self.profile.name)
            if stored.access_expires_at - time.time() >= RENEW_BEFORE_SECONDS:
                self.profile = stored
                return
            await self._trade(stored)

    async def _trade(self, stored: Profile) -> None:
        """Exchange the refresh token of a profile; the lock of the profiles must be held."""
        # Most commands renew no token.
        from plexus.directory.v1 import session_service_pb2  # noqa: PLC0415

        request = session_service_pb2.RefreshSessionRequest(refresh_token=stored.refresh_token)
        began, tries = time.monotonic(), 0
        while True:
            try:
                response = await repeat(
                    lambda: answer(
                        self.sessions.RefreshSession, request, timeout=_RENEWAL_TRY_SECONDS
                    ),
                    request=request,
                    policy=self.retries,
                )
                break
            except Unreachable:
                wait = doubled(tries, (FIRST_WAIT_SECONDS, RENEWAL_SECONDS))
                late = time.monotonic() - began + wait + _RENEWAL_TRY_SECONDS > RENEWAL_SECONDS
                if late or not self.retries.thorough:
                    raise
            await asyncio.sleep(wait)
            tries += 1
        self.profile = self._profiles.renew(stored, **token_fields(response.tokens))

    def _numbered(self, request: Any) -> Any:
        """Return a request with a request id, so that repeats take effect once."""
        if not self.retries.thorough or getattr(request, "request_id", None) != "":
            return request
        numbered = type(request)()
        numbered.CopyFrom(request)
        numbered.request_id = new_request_id()
        return numbered


def new_request_id() -> str:
    """Return a new id for a request that changes state."""
    return f"req_{secrets.token_hex(16)}"


def token_fields(tokens: "session_service_pb2.Tokens") -> dict[str, str | float]:
    """Return the profile fields for a set of tokens."""
    return {
        "access_token": tokens.access_token,
        "access_expires_at": float(tokens.access_expires_at.seconds),
        "refresh_token": tokens.refresh_token,
        "session_id": tokens.session_id,
    }


@asynccontextmanager
async def open_channel(
    url: str, *, authority: Path | None = None
) -> AsyncIterator[grpc.aio.Channel]:
    """Open a channel to a gateway's native address, `host:port`, or `grpcs://host:port` with TLS.

    Args:
        url: address.
        authority: PEM file with the only authorities to trust; default: the file that
            `PLEXUS_CA_FILE` names, then the authorities that gRPC contains.

    Raises:
        Refused: the file cannot be read.
    """
    target = (url.partition("://")[2] or url).rstrip("/")
    if url.startswith(_SECURED):
        credentials = grpc.ssl_channel_credentials(root_certificates=_authorities(authority))
        opened = grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
    else:
        opened = grpc.aio.insecure_channel(target, options=_OPTIONS)
    async with opened as channel:
        yield channel


def _authorities(given: Path | None) -> bytes | None:
    named = given or os.environ.get(AUTHORITIES)
    if not named:
        return None
    try:
        return Path(named).read_bytes()
    except OSError as error:
        raise Refused(f"{AUTHORITIES}={named} cannot be read: {error.strerror}.") from error


@asynccontextmanager
async def open_plexus(
    profile: Profile,
    profiles: Profiles,
    *,
    authority: Path | None = None,
    retries: RetryPolicy = AS_ASKED,
) -> AsyncIterator[Plexus]:
    """Connect as a signed-in person; the parameters are those of `open_channel` and `Plexus`."""
    async with open_channel(profile.url, authority=authority) as channel:
        yield Plexus(channel, profile, profiles, retries=retries)


async def answer(
    method: Callable[..., Awaitable[ResponseT]], request: Any, **options: Any
) -> ResponseT:
    """Call a method once with the options of a stub's method; raise Refused on failure."""
    with refusals():
        return await method(request, **options)
