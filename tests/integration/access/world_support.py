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
    """What there is, by kind, and who asks.

    Attributes:
        foreign: ids of things that exist, and that only the member and administrators know.
        deleted: ids of things that existed.
        tokens: access tokens by name of the identity; empty for nobody.
        private: words that stand in conversations and tasks and nowhere else.
        public: words that every member of the company may read, and nobody else.
    """

    platform: Platform
    people: dict[str, str]
    foreign: dict[str, str] = field(default_factory=dict)
    deleted: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    private: list[str] = field(default_factory=list)
    public: list[str] = field(default_factory=list)

    def ids(self, kind: str) -> dict[str, str]:
        """Give an id that is foreign, one that is gone, and one that was never there."""
        gone = self.deleted.get(kind, self.foreign[kind])
        guessed = f"{self.foreign[kind].partition('_')[0]}_{GUESSED}"
        return {"foreign": self.foreign[kind], "deleted": gone, "guessed": guessed}

    async def sign_in(self, handle: str) -> str:
        """Give a new session's access token."""
        async with open_channel(self.platform.grpc_address) as channel:
            request = SignInRequest(handle=handle, password=PASSWORD, device="matrix")
            answer = await SessionServiceStub(channel).SignIn(request, timeout=20)
            return str(answer.tokens.access_token)

    def forged_for(self, who: str) -> str:
        """Give a token of a session of its own, which nobody has opened."""
        return self.forged(
            tenant=tenant_of(self.tokens[who]),
            sub=self.people[who],
            roles=["guest" if who == "guest" else "member"],
        )

    def forged(self, **claims: Any) -> str:
        """Sign a token with directory's own key: its signature is no reason to refuse it."""
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
