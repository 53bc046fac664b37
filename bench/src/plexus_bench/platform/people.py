"""People for a benchmark: imported, and signed in without hashing their passwords.

A sign-in hashes a password with argon2id, which is slow by design: 10,000 of them would take longer
than all measurements together. So directory's own code writes the sessions to its database, and its
issuer signs their access tokens with its key file, as a sign-in does after verifying the password.
All later steps are real: the gateway fetches the public keys from directory, verifies each token,
and queries directory for the state of the sessions.
"""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from directory.accounts.domain import sessions
from directory.accounts.domain.sessions import FAMILY_BYTES, PASSWORD, SECRET_BYTES, RefreshToken
from directory.accounts.store import load_or_create
from directory.accounts.store.documents import SESSIONS
from directory.accounts.store.sessions import SCHEMA_VERSION
from directory.app import Store
from directory.people.domain.people import Person
from directory.shared.domain.ids import SessionId
from directory.sign_in.operations.access_tokens import TokenIssuer
from plexus.directory.v1.directory_service_pb2 import ImportedPerson, ImportPeopleRequest
from plexus_testkit.harness import Platform
from plexuskit.clock import SystemClock
from plexuskit.config import MongoSection
from plexuskit.ids import new_id
from plexuskit.mongo import connect

MAX_IMPORTED: Final = 1000
IMPORT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A person with an access token that is valid for 15 minutes."""

    person_id: str
    token: str


async def newcomers(platform: Platform, count: int) -> list[SignedIn]:
    """Create `count` people and open a session for each."""
    external_ids = [f"bench:{secrets.token_hex(8)}" for _ in range(count)]
    for chunk in _chunks(external_ids):
        await _import(platform, chunk)
    return [person async for person in _signed_in(platform, external_ids)]


async def _import(platform: Platform, external_ids: Sequence[str]) -> None:
    request = ImportPeopleRequest(
        people=[
            ImportedPerson(
                external_id=external_id,
                handle=external_id.replace(":", "-"),
                display_name=external_id,
                email=f"{external_id.replace(':', '-')}@example.com",
                time_zone="Asia/Shanghai",
                locale="zh-CN",
            )
            for external_id in external_ids
        ]
    )
    async with platform.admin() as plexus:
        await plexus.call(plexus.directory.ImportPeople, request, seconds=IMPORT_SECONDS)


async def _signed_in(platform: Platform, external_ids: Sequence[str]) -> AsyncIterator[SignedIn]:
    now = SystemClock().now()
    keys = load_or_create(platform.layout.keys / "directory-tokens.json", now=now)
    issuer = TokenIssuer(keys)
    section = MongoSection(url=platform.mongo_url, database="plexus_directory")
    async with connect(section) as db:
        store = Store(db)
        tenant = await store.tenants.find_only()
        if tenant is None:
            raise RuntimeError("there is no tenant yet")
        collection = db.collection("sessions", schema_version=SCHEMA_VERSION)
        for chunk in _chunks(external_ids):
            people: Mapping[str, Person] = await store.people.find_by_external_ids(
                chunk, tenant_id=tenant.id
            )
            opened = [_session(people[external_id], now=now) for external_id in chunk]
            await collection.insert_many([SESSIONS.to_document(session) for session, _ in opened])
            for external_id, (session, refresh) in zip(chunk, opened, strict=True):
                person = people[external_id]
                tokens = issuer.issue(
                    person=person, session=session, refresh=refresh, scopes=frozenset(), now=now
                )
                yield SignedIn(person_id=person.id, token=tokens.access_token)


def _session(person: Person, *, now: datetime) -> tuple[sessions.Session, RefreshToken]:
    token = RefreshToken(
        family=secrets.token_bytes(FAMILY_BYTES), secret=secrets.token_bytes(SECRET_BYTES)
    )
    session = sessions.start(
        session_id=SessionId(new_id("ses", now=now)),
        tenant_id=person.tenant_id,
        person_id=person.id,
        device="bench",
        methods=(PASSWORD,),
        single_sign_on="",
        token=token,
        generation=0,
        now=now,
    )
    return session, token


def _chunks(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[at : at + MAX_IMPORTED] for at in range(0, len(values), MAX_IMPORTED)]
