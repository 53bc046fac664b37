"""`plexus verify`: prove that no entry of a conversation is missing or altered.

The links are computed again on this machine, so a server that changed its past must break the chain
or return another link for a number whose link was stored before. Each message that it shows is then
compared with the state that follows from the proved entries.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from plexus.messaging.v1.messages_pb2 import Message
from plexus.messaging.v1.messaging_service_pb2 import (
    ChainLink,
    ChainProblem,
    ListMessagesRequest,
    VerifyConversationRequest,
)
from plexus_sdk import Plexus, Refused

from plexus_cli import chain, shown
from plexus_cli.commands import anchors as anchors_file
from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.lookups.conversations import resolve
from plexus_cli.options import Json, Option, Where
from plexus_cli.output import mention_aside, print_json, say

VERSION = 2
BEGUN = "chain_begun"
PROBLEMS_SHOWN = 20
MESSAGES_AT_ONCE = 500
BROKEN = "the link does not follow from the one before"
ALTERED = "the content is not what was said"


@dataclass
class Verified:
    """Findings over all pages."""

    conversation_id: str
    entries: int = 0
    through: int = 0
    purged: int = 0
    read: int = 0
    # Number of messages whose shown state was compared with the log.
    compared: int = 0
    unverifiable: int = 0
    # Number of the last entry that began version 2; 0: none.
    begun: int = 0
    link: bytes = b""
    links: dict[int, bytes] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)
    # The digest of all entries so far; None once one of them cannot be read.
    older: chain.Older | None = None
    replay: shown.Replay = field(default_factory=lambda: shown.Replay(whole=True))

    def take(self, link: ChainLink, previous: bytes) -> bytes:
        """Verify a link and its hashes; return the link to continue from."""
        self.entries += 1
        self.purged += link.purged
        self.read += bool(link.event)
        self.unverifiable += link.unverifiable
        self.links[link.change_no] = link.chain_hash
        try:
            if link.version >= VERSION:
                self._take_2(link, previous)
            else:
                self._take_1(link, previous)
            self._fold(link)
            self.replay.take(link)
        except chain.Unproved as problem:
            self.note(link.change_no, str(problem))
        return link.chain_hash

    def _fold(self, link: ChainLink) -> None:
        """Add an entry to the digest of older entries; drop the digest once one cannot be read."""
        if self.older is None:
            return
        if link.event and link.chain_hash:
            self.older.take(link.change_no, chain_hash=link.chain_hash, event=link.event)
        else:
            self.older = None

    def _take_2(self, link: ChainLink, previous: bytes) -> None:
        begins = link.kind == BEGUN
        computed = chain.link_2(
            chain.GENESIS if begins else previous,
            change_no=link.change_no,
            header_hash=link.header_hash,
            body_hash=link.body_hash,
        )
        if computed != link.chain_hash:
            self.note(link.change_no, BROKEN)
        if begins:
            self.begun = link.change_no
        if begins and link.content_salt and self.older is not None:
            digest = hashlib.sha256(link.content_salt + self.older.digest).digest()
            if digest != link.body_hash:
                self.note(link.change_no, "what is older than version 2 is not what it was")
        if not link.event:
            return
        proof = chain.prove(link.event)
        envelope, _ = chain.read(link.event)
        proved = (envelope.scope, envelope.change_no, envelope.entity_id, envelope.chain_hash)
        held = (self.conversation_id, link.change_no, link.entity_id, link.chain_hash)
        if proof.header_hash != link.header_hash or proved != held:
            self.note(link.change_no, "sender, time or another mark is not what was proved")
        if not begins and not link.purged and proof.body_hash != link.body_hash:
            self.note(link.change_no, ALTERED)

    def _take_1(self, link: ChainLink, previous: bytes) -> None:
        if link.unverifiable:
            return
        computed = chain.link_1(
            previous,
            change_no=link.change_no,
            kind=link.kind,
            entity_id=link.entity_id,
            content_hash=link.content_hash,
        )
        if computed != link.chain_hash:
            self.note(link.change_no, BROKEN)
        _, fact = chain.read(link.event)
        if link.kind in {"posted", "edited"} and not link.purged:
            fact.message.reply_to_seq = link.reply_to_seq
            if chain.words(fact.message) != link.content_hash:
                self.note(link.change_no, ALTERED)

    def note(self, change_no: int, problem: str) -> None:
        """Record a problem, once per change number."""
        if (change_no, problem) not in self.problems:
            self.problems.append((change_no, problem))


_WORDS: Mapping[int, str] = {
    ChainProblem.KIND_MISSING: "no entry has this number",
    ChainProblem.KIND_BROKEN_LINK: BROKEN,
    ChainProblem.KIND_ALTERED_CONTENT: ALTERED,
    ChainProblem.KIND_SEQ_GAP: "the numbers of messages have a hole",
    ChainProblem.KIND_ALTERED_HEADER: "sender, time or another mark is not what was proved",
    ChainProblem.KIND_ALTERED_STATE: "what is shown now is not what the log leads to",
}


def verify(
    conversation: Where,
    first: Annotated[int, Option("--from", help="First change number.", min=1)] = 1,
    last: Annotated[int, Option("--to", help="Last change number; 0: the end.")] = 0,
    anchors: Annotated[
        Path | None,
        Option(help="File that stores the last link of each conversation between runs."),
    ] = None,
    json: Json = False,
) -> None:
    """Verify that no message is missing or altered; exit code 1 if one is."""

    async def work(plexus: Plexus) -> Verified:
        return await walk(plexus, await resolve(plexus, conversation), first=first, last=last)

    found = run(work)
    if anchors is not None:
        _compare_and_keep(found, anchors)
    _report(found, json=json)
    if found.problems:
        shown = "\n".join(f"  {n}: {word}" for n, word in found.problems[:PROBLEMS_SHOWN])
        raise Refused(
            counted(
                len(found.problems),
                "{n} problem in {conversation_id}:\n{shown}",
                "{n} problems in {conversation_id}:\n{shown}",
                conversation_id=found.conversation_id,
                shown=shown,
            ),
            reason="CHAIN_BROKEN",
        )


async def walk(plexus: Plexus, conversation_id: str, *, first: int = 1, last: int = 0) -> Verified:
    """Verify every link of a range, and compare shown messages with the state that follows.

    Args:
        plexus: the connection of a member.
        conversation_id: the conversation.
        first: first change number.
        last: last change number; 0: the end. Messages changed after it are not compared.
    """
    whole = first == 1
    found = Verified(
        conversation_id,
        older=chain.Older() if whole else None,
        replay=shown.Replay(whole=whole),
    )
    await _extend(plexus, found, first=first, last=last)
    found.replay.mark()
    listed, newer = set[int](), list[Message]()
    async for message in _messages(plexus, conversation_id):
        listed.add(message.seq)
        if message.change_no > found.through:
            newer.append(message)
        else:
            _compare(found, message)
    for seq in found.replay.not_among(listed):
        found.note(found.replay.change_of(seq), shown.NOT_SHOWN)
    if newer and not last:
        # Changed during the verification: the entries of these changes are verified like the
        # others.
        await _extend(plexus, found, first=found.through + 1, last=0)
        for message in newer:
            _compare(found, message)
    return found


async def _extend(plexus: Plexus, found: Verified, *, first: int, last: int) -> None:
    """Fetch page after page and verify every link."""
    at, previous = first, found.link if found.through else None
    if first == 1:
        previous = chain.GENESIS
    while True:
        request = VerifyConversationRequest(
            conversation_id=found.conversation_id, from_change_no=at, to_change_no=last
        )
        response = await plexus.call(plexus.messaging.VerifyConversation, request)
        link = response.previous_chain_hash
        if previous is not None and link != previous:
            found.note(at, BROKEN)
        for each in response.links:
            link = found.take(each, link)
        for problem in response.problems:
            found.note(problem.change_no, _WORDS.get(problem.kind, "is not as it should be"))
        found.through, found.link = response.through, link
        if not response.has_more:
            return
        at, previous = response.through + 1, link


def _compare(found: Verified, message: Message) -> None:
    """Compare a shown message with the log."""
    problem = found.replay.problem_with(message)
    found.compared += 1
    if problem:
        found.note(message.change_no, problem)


async def _messages(plexus: Plexus, conversation_id: str) -> AsyncIterator[Message]:
    """Yield every message that the server shows, oldest first."""
    request = ListMessagesRequest(
        conversation_id=conversation_id, page_size=MESSAGES_AT_ONCE, after_seq=0
    )
    while True:
        page = await plexus.call(plexus.messaging.ListMessages, request)
        for message in page.messages:
            yield message
        if not page.has_more or not page.messages:
            return
        request.after_seq = page.messages[-1].seq


def _report(found: Verified, *, json: bool) -> None:
    if json:
        print_json(
            {
                "conversation_id": found.conversation_id,
                "entries": found.entries,
                "through": found.through,
                "read": found.read,
                "compared": found.compared,
                "purged": found.purged,
                "unverifiable": found.unverifiable,
                "chain_hash": found.link.hex(),
                "problems": [{"change_no": n, "problem": word} for n, word in found.problems],
            }
        )
    elif not found.problems:
        say(
            counted(
                found.entries,
                "{n} entry verified through {through}: {link}",
                "{n} entries verified through {through}: {link}",
                through=found.through,
                link=found.link.hex(),
            )
        )
        asides = (
            (found.entries - found.read, "of them you may not read"),
            (found.purged, "of them emptied by recall"),
            (found.unverifiable, "of them without a hash, from before version 2"),
        )
        for number, aside in asides:
            if number:
                say(f"  {number} {tr(aside)}")
        compared = counted(
            found.compared,
            "{n} message is shown as it was sent",
            "{n} messages are shown as they were sent",
        )
        say(f"  {compared}")


def _compare_and_keep(found: Verified, anchors: Path) -> None:
    """Compare with the stored link of a number, and store the newest one.

    Raises:
        Refused: the file has another format.
    """
    kept = anchors_file.read(anchors)
    previous = kept.get(found.conversation_id)
    if previous is not None:
        number, link = int(str(previous["change_no"])), previous["chain_hash"]
        current = found.links.get(number)
        if number > found.through:
            found.note(number, "the conversation ends before the number that was kept")
        elif current == b"":
            mention_aside(
                tr(
                    "The link of {number} is from before version 2 and is not shown since "
                    "something older was recalled: nothing to compare; the newest link is kept "
                    "instead.",
                    number=number,
                )
            )
        elif number and current is not None and current.hex() != link:
            found.note(number, "the link is another than the one that was kept")
    if not found.problems and found.link:
        kept[found.conversation_id] = {"change_no": found.through, "chain_hash": found.link.hex()}
        anchors_file.write(anchors, kept)
