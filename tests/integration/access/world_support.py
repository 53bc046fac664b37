"""The company of the access matrix: people, objects and their ids."""

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import OKPKey
from plexus.directory.v1.session_service_pb2 import SignInRequest
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub
from plexus_sdk import open_channel
from plexus_testkit.harness import PASSWORD, Platform

from .tokens_support import b64, tenant_of

GUESSED = "01JZZZZZZZZZZZZZZZZZZZZZZZ"


PREFIXES = {
    "conversation": "cnv",
    "project": "prj",
    "task": "tsk",
    "person": "per",
    "department": "dep",
    "group": "grp",
}


@dataclass
class World:
    """Objects of the company by kind, and the callers.

    Attributes:
        foreign: ids of existing objects that only the member and administrators may see.
        deleted: ids of deleted objects.
        tokens: access tokens by name of the identity; empty for the anonymous caller.
        private: words that occur only in conversations and tasks.
        public: words that only members of the company may read.
    """

    platform: Platform
    people: dict[str, str]
    foreign: dict[str, str] = field(default_factory=dict)
    deleted: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    private: list[str] = field(default_factory=list)
    public: list[str] = field(default_factory=list)

    def ids(self, kind: str) -> dict[str, str]:
        """Return the ids of a hidden object, of a deleted one, and of one that never existed."""
        gone = self.deleted.get(kind, self.foreign[kind])
        guessed = f"{self.foreign[kind].partition('_')[0]}_{GUESSED}"
        return {"foreign": self.foreign[kind], "deleted": gone, "guessed": guessed}

    async def sign_in(self, handle: str) -> str:
        """Return the access token of a new session."""
        async with open_channel(self.platform.grpc_address) as channel:
            request = SignInRequest(handle=handle, password=PASSWORD, device="matrix")
            answer = await SessionServiceStub(channel).SignIn(request, timeout=20)
            return str(answer.tokens.access_token)

    def forged_for(self, who: str) -> str:
        """Return a token for a session id of its own that was never created."""
        return self.forged(
            tenant=tenant_of(self.tokens[who]),
            sub=self.people[who],
            roles=["guest" if who == "guest" else "member"],
        )

    def forged(self, **claims: Any) -> str:
        """Sign a token with directory's own key, so that its signature is valid."""
        path = self.platform.layout.keys / "directory-tokens.json"
        (entry, *_) = json.loads(path.read_text())["keys"]
        key = OKPKey.import_key({name: entry[name] for name in ("kty", "crv", "x", "d")})
        now = int(time.time())
        said = {
            "iss": "plexus",
            "aud": "plexus-gateway",
            "sub": "per_elsewhere",
            "tenant": "ten_elsewhere",
            "sid": f"ses_{secrets.token_hex(8)}",
            "jti": secrets.token_hex(8),
            "roles": ["member"],
            "iat": now,
            "nbf": now,
            "exp": now + 900,
        } | claims
        header = {"alg": "EdDSA", "typ": "at+jwt", "kid": entry["kid"]}
        signed = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(said).encode())}"
        return f"{signed}.{b64(key.private_key.sign(signed.encode()))}"
