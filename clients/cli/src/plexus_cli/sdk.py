"""The SDK: one authenticated connection to a gateway, with every service's stub on it.

async with connect(Profiles().find("ann"), profiles) as plexus:
    await plexus.call(plexus.messaging.ListConversations, ListConversationsRequest())
"""

import math
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from plexus.audit.v1.access_service_pb2_grpc import AccessHistoryServiceStub
from plexus.audit.v1.audit_service_pb2_grpc import AuditServiceStub
from plexus.directory.v1 import session_service_pb2
from plexus.directory.v1.access_service_pb2_grpc import AccessServiceStub
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from plexus.directory.v1.scim_service_pb2_grpc import ScimServiceStub
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus.gateway.v1.session_service_pb2_grpc import SessionServiceStub as LiveStub
from plexus.messaging.v1.import_service_pb2_grpc import ImportServiceStub
from plexus.messaging.v1.messaging_service_pb2_grpc import MessagingServiceStub
from plexus.messaging.v1.personal_service_pb2_grpc import PersonalServiceStub
from plexus.messaging.v1.signal_service_pb2_grpc import SignalServiceStub
from plexus.notify.v1.notify_service_pb2_grpc import NotifyServiceStub
from plexus.search.v1.search_service_pb2_grpc import SearchServiceStub
from plexus.tasks.v1.tasks_service_pb2_grpc import TasksServiceStub
from plexuskit.grpc import refused

from plexus_cli.patience import patient
from plexus_cli.problems import Refused
from plexus_cli.profiles import Profile, Profiles

ResponseT = TypeVar("ResponseT")

CALL_SECONDS = 20.0
SECURED = ("grpcs://", "https://")
AUTHORITIES = "PLEXUS_CA_FILE"
RENEW_BEFORE_SECONDS = 60.0
OPTIONS = (
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.enable_retries", 0),
)


class Plexus:
    """A signed-in person's connection; calls renew the access token by themselves."""

    def __init__(self, channel: grpc.aio.Channel, profile: Profile, profiles: Profiles) -> None:
        self.profile = profile
        self._profiles = profiles
        self.grants = AccessServiceStub(channel)
        self.directory = DirectoryServiceStub(channel)
        self.scim = ScimServiceStub(channel)
        self.sessions = SessionServiceStub(channel)
        self.messaging = MessagingServiceStub(channel)
        self.signals = SignalServiceStub(channel)
        self.personal = PersonalServiceStub(channel)
        self.imports = ImportServiceStub(channel)
        self.tasks = TasksServiceStub(channel)
        self.notify = NotifyServiceStub(channel)
        self.search = SearchServiceStub(channel)
        self.audit = AuditServiceStub(channel)
        self.access_history = AccessHistoryServiceStub(channel)
        self.live = LiveStub(channel)

    async def call(
        self,
        method: Callable[..., Awaitable[ResponseT]],
        request: Any,
        *,
        seconds: float = CALL_SECONDS,
    ) -> ResponseT:
        """Call a method; one that is told to wait for a moment waits and calls again.

        Args:
            method: of one of the stubs.
            request: what to send.
            seconds: how long each call may take.

        Raises:
            Refused: the reason as the service gave it.
        """

        async def attempt() -> ResponseT:
            metadata = await self.metadata()
            return await method(request, metadata=metadata, timeout=seconds)

        with told():
            return await patient(attempt, request=request)

    async def metadata(self) -> tuple[tuple[str, str], ...]:
        """Give the metadata that authenticates a call; its token lives for a minute at least."""
        if self.profile.access_expires_at - time.time() < RENEW_BEFORE_SECONDS:
            await self._renew()
        return (("authorization", f"Bearer {self.profile.access_token}"),)

    async def renew(self) -> None:
        """Trade the refresh token in now, for a token that says what has changed."""
        async with self._profiles.held():
            await self._trade(self._profiles.find(self.profile.name))

    async def _renew(self) -> None:
        """Trade the refresh token in, unless another call or process of this person just did."""
        async with self._profiles.held():
            stored = self._profiles.find(self.profile.name)
            if stored.access_expires_at - time.time() >= RENEW_BEFORE_SECONDS:
                self.profile = stored
                return
            await self._trade(stored)

    async def _trade(self, stored: Profile) -> None:
        request = session_service_pb2.RefreshSessionRequest(refresh_token=stored.refresh_token)
        with told():
            response = await patient(
                lambda: self.sessions.RefreshSession(request, timeout=CALL_SECONDS),
                request=request,
            )
        self.profile = self._profiles.renew(stored, **token_fields(response.tokens))


def token_fields(tokens: session_service_pb2.Tokens) -> dict[str, str | float]:
    """Give the fields of a profile that come from tokens."""
    return {
        "access_token": tokens.access_token,
        "access_expires_at": float(tokens.access_expires_at.seconds),
        "refresh_token": tokens.refresh_token,
        "session_id": tokens.session_id,
    }


@asynccontextmanager
async def open_channel(url: str) -> AsyncIterator[grpc.aio.Channel]:
    """Open a channel to a gateway's native address, `host:port`, or `grpcs://host:port` with TLS.

    Its certificate must be of an authority that this machine trusts, or of the one in the file
    that `PLEXUS_CA_FILE` names.

    Raises:
        Refused: that file cannot be read.
    """
    target = url.partition("://")[2] or url
    target = target.rstrip("/")
    if url.startswith(SECURED):
        credentials = grpc.ssl_channel_credentials(root_certificates=_authorities())
        opened = grpc.aio.secure_channel(target, credentials, options=OPTIONS)
    else:
        opened = grpc.aio.insecure_channel(target, options=OPTIONS)
    async with opened as channel:
        yield channel


def _authorities() -> bytes | None:
    """Return whom to trust beside nobody else; None for those that gRPC comes with."""
    named = os.environ.get(AUTHORITIES)
    if not named:
        return None
    try:
        return Path(named).read_bytes()
    except OSError as error:
        raise Refused(f"{AUTHORITIES}={named} cannot be read: {error.strerror}.") from error


@asynccontextmanager
async def connect(profile: Profile, profiles: Profiles) -> AsyncIterator[Plexus]:
    """Connect as a signed-in person."""
    async with open_channel(profile.url) as channel:
        yield Plexus(channel, profile, profiles)


@contextmanager
def told() -> Iterator[None]:
    """Turn what a service answers into Refused, with its own words."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise explain(error) from error


def explain(error: grpc.aio.AioRpcError) -> Refused:
    """Say in one line what a failed call means and what to do."""
    if error.code() is grpc.StatusCode.UNAVAILABLE and not error.trailing_metadata():
        return Refused(f"Plexus cannot be reached ({error.details()}). Is it running?")
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Refused("Plexus did not answer in time; try again.", reason="DEADLINE_EXCEEDED")
    remote = refused(error)
    text = remote.message() or str(error.details())
    if remote.retry_after is not None:
        text += f" Try again in {math.ceil(remote.retry_after.total_seconds())} s."
    return Refused(text, reason=remote.reason)


async def serving(url: str) -> bool:
    """Tell whether a gateway says that it serves."""
    async with open_channel(url) as channel:
        try:
            answer = await HealthStub(channel).Check(HealthCheckRequest(), timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == HealthCheckResponse.SERVING)
