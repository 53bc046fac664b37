"""Version 2 of a conversation's chain of hashes: canonical headers, salts and links (MSG-20).

docs/chain.md defines every byte; clients compute the same without this code.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

VERSION: Final = 2
GENESIS: Final = bytes(32)
SALT_BYTES: Final = 16

_HEADER_TAG: Final = b"plexus.chain.2"
# Salts are cut from blocks: one system call for many of them.
_BLOCK_BYTES: Final = SALT_BYTES * 512

_LENGTH: Final = struct.Struct(">I")
# On the hot path nearly every word is an id.
_SHORTER_THAN: Final = 128
_SHORT: Final = tuple(_LENGTH.pack(size) for size in range(_SHORTER_THAN))
_NUMBERS: Final = struct.Struct(">qqq")
_LINK: Final = struct.Struct(">32sQ32s32s")
_MESSAGE: Final = struct.Struct(">10q4iB")


class Seals(NamedTuple):
    """Inputs of an entry's link, and the link itself."""

    header_hash: bytes
    body_hash: bytes
    chain_hash: bytes


class _Salts:
    """Random bytes, read from the system in blocks and given out once."""

    def __init__(self) -> None:
        self._block = b""
        self._at = 0

    def take(self) -> bytes:
        """Return 16 bytes that were never returned before."""
        if self._at >= len(self._block):
            self._block, self._at = os.urandom(_BLOCK_BYTES), 0
        salt = self._block[self._at : self._at + SALT_BYTES]
        self._at += SALT_BYTES
        return salt

    def drop(self) -> None:
        """Forget the block, so that a forked process does not give out the same salts."""
        self._block = b""
        self._at = 0


_salts = _Salts()
os.register_at_fork(after_in_child=_salts.drop)


def new_salt() -> bytes:
    """Return 16 random bytes."""
    return _salts.take()


def salted(salt: bytes, value: bytes) -> bytes:
    """Hash a value so that without the salt it cannot be guessed."""
    return hashlib.sha256(salt + value).digest()


def link(previous: bytes, *, change_no: int, header_hash: bytes, body_hash: bytes) -> bytes:
    """Link an entry to all before it."""
    return hashlib.sha256(_LINK.pack(previous, change_no, header_hash, body_hash)).digest()


def header(
    *,
    tenant_id: str,
    scope: str,
    fact: str,
    entity_id: str,
    actor_id: str,
    origin: str,
    entity_version: int,
    membership_version: int,
    occurred_at: int,
    subject: bytes,
) -> bytes:
    """Return the canonical header: each field after its length, so that no two share a byte string.

    Args:
        tenant_id: tenant of the conversation.
        scope: the conversation.
        fact: full name of the fact's type, which is the entry's kind.
        entity_id: entity of the entry.
        actor_id: the actor.
        origin: empty, or `import`.
        entity_version: version of the entity after it.
        membership_version: version of the membership at the decision.
        occurred_at: microseconds since 1970.
        subject: addition of the kind of fact: a message's header, a digest of members.
    """
    words = map(str.encode, (tenant_id, scope, fact, entity_id, actor_id, origin))
    numbers = _NUMBERS.pack(entity_version, membership_version, occurred_at)
    return packed((_HEADER_TAG, *words, numbers, subject))


def message_subject(words: Sequence[str], numbers: Sequence[int]) -> bytes:
    """Return the addition of a fact about a message: all that is shown of it except its content.

    Args:
        words: its id, conversation, sender, request id, who recalled it, origin.
        numbers: seq, change_no, root_seq, reply_to_seq, revision, membership_version; posted_at,
            sent_at, edited_at, recalled_at in microseconds since 1970, -1 where there is none;
            version, kind, priority, notify, recalled.
    """
    return packed((*map(str.encode, words), _MESSAGE.pack(*numbers)))


def parts_subject(message_id: str, conversation_id: str, numbers: Sequence[int]) -> bytes:
    """Return the addition of a fact about reactions, pin or labels, in place of the whole message.

    Args:
        message_id: of the message.
        conversation_id: of its conversation.
        numbers: seq, change_no, root_seq, revision.
    """
    words = (message_id.encode(), conversation_id.encode(), struct.pack(">4q", *numbers))
    return packed(words)


def packed(words: Iterable[bytes]) -> bytes:
    """Join byte strings, each after its length in four bytes, big endian."""
    parts: list[bytes] = []
    for word in words:
        size = len(word)
        parts += (_SHORT[size] if size < _SHORTER_THAN else _LENGTH.pack(size), word)
    return b"".join(parts)


def sealed(
    previous: bytes,
    *,
    change_no: int,
    header: bytes,
    header_salt: bytes,
    content_hash: bytes,
    content_salt: bytes,
) -> Seals:
    """Link an entry to all before it, header and content each behind a salt of its own."""
    header_hash = salted(header_salt, header)
    body_hash = salted(content_salt, content_hash)
    chained = link(previous, change_no=change_no, header_hash=header_hash, body_hash=body_hash)
    return Seals(header_hash, body_hash, chained)


class OlderEntries:
    """Digest of everything before version 2, entry by entry in order.

    It holds each entry's version 1 link, which binds its content, and its header, which version 1
    bound by nothing. Both outlive a recall, so the digest does too.
    """

    def __init__(self, *, digest: bytes = GENESIS, through: int = 0) -> None:
        """Begin with the first entry, or continue from a digest that was computed before."""
        self._digest = digest
        self._number = through

    @property
    def through(self) -> int:
        """The number of the last entry taken; 0: none."""
        return self._number

    def take(self, change_no: int, *, chain_hash: bytes, header: bytes, state: bytes) -> None:
        """Add the next entry.

        Args:
            change_no: its number.
            chain_hash: its link.
            header: canonical, as of version 2.
            state: hash of the state that it carries if that outlives a recall; else empty.
        """
        leaf = packed((chain_hash, header, state))
        self._digest = hashlib.sha256(
            self._digest + struct.pack(">Q", change_no) + hashlib.sha256(leaf).digest()
        ).digest()
        self._number = change_no

    def digest(self) -> bytes:
        """Return the digest of all that was taken."""
        return self._digest
