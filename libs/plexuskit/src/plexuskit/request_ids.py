"""Request ids of changes: a request is carried out once, and a repeat gets its answer (GW-6).

The edge declares a change by its request type (`request_of`). The operation asks for an earlier
answer and records its own in the transaction of the change: both are stored or neither. A record
holds a hash of the request and the ids of what it was about, never a text or a secret; the answer
to a repeat is built from the current state. Records expire after 7 days. Messages are repeated by
ids of their own, which the log keeps for ever (MSG-3).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, Self

from google.protobuf.message import Message
from plexus.bounds.v1 import bounds_pb2

from plexuskit.errors import InvalidArgument, Kind, Refusal
from plexuskit.grpc import actor
from plexuskit.mongo import (
    ASCENDING,
    Database,
    Document,
    DuplicateKey,
    Index,
    Retry,
    Transaction,
)

SCHEMA_VERSION: Final = 2
KEPT_FOR: Final = timedelta(days=7)
MAX_CHARACTERS: Final = 128

Answer = Mapping[str, Any]
"""Ids and numbers from which a repeat is answered; never empty."""

# Characters that a single line cannot show.
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class RequestIdReused(Refusal):
    """The same request id came with other content."""

    kind = Kind.ALREADY_EXISTS
    text = "Request id {request_id} was used for another request; take a new id."


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A change that is recognised when it comes again.

    Attributes:
        tenant_id: of the person.
        person_id: of the caller, whose ids collide with nobody else's.
        request_id: the client's id, 1 to 128 characters.
        message: the request as it came; never stored or printed.
        content_hash: SHA-256 of its type and content, without the id and passwords.
    """

    tenant_id: str
    person_id: str
    request_id: str
    message: Message = field(repr=False, compare=False)
    content_hash: bytes

    @classmethod
    def of(cls, message: Message, *, tenant_id: str, person_id: str) -> Self | None:
        """Recognise a request of a person by type and content; None for one without an id.

        Raises:
            InvalidArgument: the id is longer than 128 characters, or not printable.
        """
        request_id = _request_id(message)
        if not request_id:
            return None
        if len(request_id) > MAX_CHARACTERS or _CONTROL.search(request_id):
            problem = f"must be at most {MAX_CHARACTERS} printable characters, for example a UUID"
            raise InvalidArgument(field="request_id", problem=problem)
        return cls(
            tenant_id=tenant_id,
            person_id=person_id,
            request_id=request_id,
            message=message,
            content_hash=_content_hash(message),
        )

    @property
    def key(self) -> str:
        """The `_id` of its record."""
        return f"{self.tenant_id}:{self.person_id}:{self.request_id}"


def request_of(message: Message) -> Request | None:
    """Recognise a change of the signed-in caller by its request type; None without an id.

    A repeat with another password alone counts as the same request: no hash of one is stored.

    Raises:
        Unauthenticated: the caller is no person.
        InvalidArgument: the id is longer than 128 characters, or not printable.
    """
    me = actor()
    return Request.of(message, tenant_id=me.tenant_id, person_id=me.person_id)


class OlderRecords(Protocol):
    """Records of the release before `SCHEMA_VERSION` 2, honoured until the last has expired."""

    def key(self, request: Request) -> str:
        """Return the `_id` under which that release recorded this request."""
        ...

    def answer(self, request: Request, record: Document) -> Answer:
        """Read the answer out of a record.

        Raises:
            RequestIdReused: it is of other content.
        """
        ...


class Requests:
    """The collection `requests` of a service: one document per person and request id."""

    def __init__(self, db: Database, *, older: OlderRecords | None = None) -> None:
        self._requests = db.collection("requests", schema_version=SCHEMA_VERSION)
        self._older = older

    async def ensure_indexes(self) -> None:
        """Create the collection and the index by which the server deletes what has expired."""
        await self._requests.ensure_indexes(
            [Index(keys=[("answered_at", ASCENDING)], expire_after=KEPT_FOR)]
        )

    async def answer(
        self, request: Request | None, *, now: datetime, tx: Transaction | None = None
    ) -> Answer | None:
        """Find the answer of the same request; None for a new one, or one without an id.

        Outside a transaction it only saves work: the operation asks again in its own.

        Raises:
            RequestIdReused: the id was used for other content.
        """
        if request is None:
            return None
        found = await self._requests.find_one({"_id": self._key_of(request)}, tx=tx)
        if found is None:
            return None
        if found["schema_version"] < SCHEMA_VERSION and self._older is not None:
            return self._older.answer(request, found)
        # The server deletes what has expired up to a minute late.
        if found["answered_at"] <= now - KEPT_FOR:
            return None
        check_same(request, bytes(found["content_hash"]))
        answer: Answer = found["answer"]
        return answer

    def _key_of(self, request: Request) -> Any:
        """Return the filter of its record's key, which had another form once in some services."""
        older = request.key if self._older is None else self._older.key(request)
        return request.key if older == request.key else {"$in": [request.key, older]}

    async def record(
        self, request: Request | None, answer: Answer, *, now: datetime, tx: Transaction
    ) -> None:
        """Store what a request is answered; nothing for one without an id.

        Before the other writes of the transaction, two copies of a request that run at once
        conflict here, and not on what they make.

        Raises:
            Retry: a copy was answered meanwhile; the transaction finds that answer when it runs
                again.
            ValueError: the answer is empty.
        """
        if not answer:
            raise ValueError("an answer names at least one id")
        if request is None:
            return
        record = {
            "_id": request.key,
            "content_hash": request.content_hash,
            "answer": dict(answer),
            "answered_at": now,
        }
        expired = {"_id": request.key, "answered_at": {"$lte": now - KEPT_FOR}}
        try:
            await self._requests.replace(expired, record, upsert=True, tx=tx)
        except DuplicateKey as duplicate:
            raise Retry from duplicate


def check_same(request: Request, recorded: bytes, *, content_hash: bytes | None = None) -> None:
    """Pass when a recorded hash is that of the request, in an older form if one is given.

    Raises:
        RequestIdReused: the record is of other content.
    """
    if recorded != (request.content_hash if content_hash is None else content_hash):
        raise RequestIdReused(request_id=request.request_id)


def _request_id(message: Message) -> str:
    identified: Any = message
    request_id: str = identified.request_id
    return request_id


def _content_hash(message: Message) -> bytes:
    content = type(message)()
    content.CopyFrom(message)
    content.ClearField("request_id")
    for each in message.DESCRIPTOR.fields:
        # A fast hash of a password must not be stored.
        bounds = each.GetOptions().Extensions[bounds_pb2.field]
        if bounds.preset == bounds_pb2.PRESET_PASSWORD:
            content.ClearField(each.name)
    text = content.SerializeToString(deterministic=True)
    return hashlib.sha256(message.DESCRIPTOR.full_name.encode() + b"\n" + text).digest()
