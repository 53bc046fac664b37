"""The owning services of a gateway in tests: a scripted directory, and a real messaging process."""

# ruff: noqa: N802 - the names of the contract

import asyncio
import hashlib
import json
import os
import secrets
import signal
import sys
import warnings
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey
from plexus.authz.v1 import authority_pb2, authority_pb2_grpc
from plexus.directory.v1 import session_service_pb2, session_service_pb2_grpc
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_access.api_tokens import new_token
from plexus_local.servers.ports import free_port
from plexus_testkit.wait import eventually
from plexuskit.clock import SystemClock
from plexuskit.grpc import open_channel

TENANT = "ten_acme"


class Directory(
    authority_pb2_grpc.AuthorityServicer, session_service_pb2_grpc.SessionServiceServicer
):
    """Knows every person; ends the sessions that a test names."""

    def __init__(self) -> None:
        self.key = OKPKey.generate_key("Ed25519", {"kid": "k1", "use": "sig", "alg": "EdDSA"})
        self.ended: set[str] = set()
        # Facts of people and roles that a gateway receives at its start.
        self.facts: list[Envelope] = []
        self.api_tokens: dict[bytes, session_service_pb2.ResolveApiTokenResponse] = {}

    def api_token(self, person_id: str, *scopes: str) -> str:
        """Return an API token that directory knows; its id is `tok_` and the person."""
        token = new_token()
        found = session_service_pb2.ResolveApiTokenResponse(tenant_id=TENANT, roles=["member"])
        found.api_token.id = f"tok_{person_id}"
        found.api_token.person_id = person_id
        found.api_token.scopes.extend(scopes)
        found.api_token.expires_at.FromDatetime(SystemClock().now() + timedelta(days=1))
        self.api_tokens[hashlib.sha256(token.encode()).digest()] = found
        return token

    async def ResolveApiToken(
        self, request: session_service_pb2.ResolveApiTokenRequest, _: Any
    ) -> session_service_pb2.ResolveApiTokenResponse:
        return self.api_tokens[request.token_hash]

    async def Recheck(
        self, request: authority_pb2.RecheckRequest, _: Any
    ) -> authority_pb2.RecheckResponse:
        verdict = authority_pb2.Verdict(readable=True, version=1)
        return authority_pb2.RecheckResponse(verdicts=[verdict] * len(request.refs))

    async def Snapshot(
        self, _: authority_pb2.SnapshotRequest, __: Any
    ) -> AsyncIterator[authority_pb2.SnapshotResponse]:
        yield authority_pb2.SnapshotResponse(facts=self.facts)

    async def GetSigningKeys(
        self, _: session_service_pb2.GetSigningKeysRequest, __: Any
    ) -> session_service_pb2.GetSigningKeysResponse:
        keys = {"keys": [self.key.as_dict(private=False)]}
        return session_service_pb2.GetSigningKeysResponse(jwks_json=json.dumps(keys))

    async def FindEndedSessions(
        self, request: session_service_pb2.FindEndedSessionsRequest, _: Any
    ) -> session_service_pb2.FindEndedSessionsResponse:
        return session_service_pb2.FindEndedSessionsResponse(
            ended_session_ids=self.ended & set(request.session_ids)
        )

    def token(
        self,
        person_id: str,
        *,
        session_id: str = "",
        roles: tuple[str, ...] = ("member",),
        life: timedelta = timedelta(minutes=15),
    ) -> str:
        """Return an access token as directory signs them."""
        now = int(SystemClock().now().timestamp())
        claims = {
            "iss": "plexus",
            "aud": "plexus-gateway",
            "sub": person_id,
            "tenant": TENANT,
            "sid": session_id or f"ses_{person_id}",
            "jti": secrets.token_hex(8),
            "roles": list(roles),
            "iat": now - 1,
            "nbf": now - 1,
            "exp": int(now + life.total_seconds()),
        }
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": "k1"}
        with warnings.catch_warnings():
            # RFC 9864 prefers another name for the algorithm.
            warnings.simplefilter("ignore", SecurityWarning)
            return jws.serialize_compact(header, json.dumps(claims), self.key, algorithms=["EdDSA"])


class Messaging:
    """A messaging process that can be killed and started again on the same port."""

    def __init__(self, environment: dict[str, str], *, log: Path) -> None:
        self.port = free_port()
        self._environment = environment | {"MESSAGING_GRPC__PORT": str(self.port)}
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    def twin(self) -> "Messaging":
        """Return a second process on the same database, not started yet."""
        return Messaging(self._environment, log=self._log.with_suffix(".twin"))

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "messaging",
                env=os.environ | self._environment,
                stdout=log,
                stderr=log,
            )
        try:
            await eventually(self._answers, within=60)
        except BaseException:
            # On any end of the wait, also a cancellation: no one else has a reference to the
            # process yet.
            await self.kill()
            raise

    async def kill(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()

    async def _answers(self) -> bool:
        async with open_channel(f"127.0.0.1:{self.port}") as channel, asyncio.timeout(60):
            await channel.channel_ready()
        return True
