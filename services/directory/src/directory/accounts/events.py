"""Facts about sessions, API tokens and attempts to sign in."""

from datetime import datetime

from google.protobuf.message import Message
from plexus.directory.v1 import events_pb2
from plexus.topics import DIRECTORY_ACCOUNT_V1, DIRECTORY_PERSON_V1
from plexuskit.ids import new_id
from plexuskit.outbox import Fact, envelope
from plexuskit.timestamps import timestamp

from directory.accounts.domain.api_tokens import ApiToken
from directory.accounts.domain.sessions import Session
from directory.accounts.domain.sign_in_attempts import FailedSignIns


def session_revoked(session: Session | ApiToken, *, actor_id: str, now: datetime) -> Fact:
    """Return the fact that a session ended early: the only one of its scope, ordered by person."""
    fact = events_pb2.SessionRevoked(
        session_id=session.id,
        person_id=session.person_id,
        cause=session.end_cause.value if session.end_cause else "",
    )
    return Fact(
        topic=DIRECTORY_PERSON_V1.name,
        key=session.person_id,
        event=envelope(
            fact=fact,
            tenant_id=session.tenant_id,
            scope=session.id,
            change_no=1,
            entity_id=session.id,
            entity_version=1,
            actor_id=actor_id,
            now=now,
        ),
    )


def refresh_repeated(session: Session, *, now: datetime) -> Fact:
    """Return the fact that a spent refresh token got new tokens again."""
    fact = events_pb2.RefreshRepeated(session_id=session.id, person_id=session.person_id)
    return _of_account(fact, session, actor_id=session.person_id, now=now)


def session_started(session: Session, *, network: str, now: datetime) -> Fact:
    """Return the fact that a person signed in, with methods and network."""
    fact = events_pb2.SessionStarted(
        session_id=session.id,
        person_id=session.person_id,
        methods=session.methods,
        single_sign_on=session.single_sign_on,
        network=network,
    )
    return _of_account(fact, session, actor_id=session.person_id, now=now)


def sign_in_failed(failed: FailedSignIns, *, now: datetime) -> Fact:
    """Return the fact of one minute's failed attempts; about the tenant for unknown handles."""
    fact = events_pb2.SignInFailed(
        person_id=failed.person_id,
        network=failed.network,
        attempts=failed.attempts,
        minute=timestamp(failed.minute),
        second_factor=failed.second_factor,
    )
    whose = failed.person_id or failed.tenant_id
    return of_occasion(fact, whose, tenant_id=failed.tenant_id, id_=whose, actor_id="", now=now)


def api_token_created(token: ApiToken, *, actor_id: str, now: datetime) -> Fact:
    """Return the fact that a token was made, with its person and scopes."""
    fact = events_pb2.ApiTokenCreated(
        api_token_id=token.id,
        person_id=token.person_id,
        name=token.name,
        scopes=token.scopes,
        expires_at=timestamp(token.expires_at),
    )
    return _of_account(fact, token, actor_id=actor_id, now=now)


def _of_account(fact: Message, entity: Session | ApiToken, *, actor_id: str, now: datetime) -> Fact:
    return of_occasion(
        fact,
        entity.person_id,
        tenant_id=entity.tenant_id,
        id_=entity.id,
        actor_id=actor_id,
        now=now,
    )


def of_occasion(
    fact: Message, key: str, *, tenant_id: str, id_: str, actor_id: str, now: datetime
) -> Fact:
    """Return the fact of a single event: it has no versions, and its scope is the event itself."""
    return Fact(
        topic=DIRECTORY_ACCOUNT_V1.name,
        key=key,
        event=envelope(
            fact=fact,
            tenant_id=tenant_id,
            scope=new_id("sgn", now=now),
            change_no=1,
            entity_id=id_,
            entity_version=1,
            actor_id=actor_id,
            now=now,
        ),
    )
