"""`plexus verify`: prove that nothing of a conversation is missing or altered.

The links are computed again on this machine, so a server that changed its past must break the chain
or give another link for a number whose link was kept before.
"""

import hashlib
import json as json_
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from plexus.messaging.v1.messaging_service_pb2 import (
    ChainLink,
    ChainProblem,
    VerifyConversationRequest,
)

from plexus_cli.commands.conversations import resolve
from plexus_cli.context import run
from plexus_cli.output import print_json, say
from plexus_cli.problems import Refused
from plexus_cli.sdk import Plexus

GENESIS = bytes(32)
PROBLEMS_SHOWN = 20

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass
class Verified:
    """What was found over all pages."""

    conversation_id: str
    entries: int = 0
    through: int = 0
    purged: int = 0
    link: bytes = b""
    links: dict[int, bytes] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def take(self, link: ChainLink, previous: bytes) -> bytes:
        """Compute a link again and compare it; gives the link to go on from."""
        computed = hashlib.sha256(
            b"".join(
                (
                    struct.pack(">32sQB", previous, link.change_no, len(link.kind)),
                    link.kind.encode(),
                    link.entity_id.encode(),
                    b"\0",
                    link.content_hash,
                )
            )
        ).digest()
        if computed != link.chain_hash:
            self.note(link.change_no, "the link does not follow from the one before")
        self.entries += 1
        self.purged += link.purged
        self.links[link.change_no] = link.chain_hash
        return link.chain_hash

    def note(self, change_no: int, problem: str) -> None:
        """Note what is wrong, once."""
        if (change_no, problem) not in self.problems:
            self.problems.append((change_no, problem))


_WORDS: Mapping[int, str] = {
    ChainProblem.KIND_MISSING: "no entry has this number",
    ChainProblem.KIND_BROKEN_LINK: "the link does not follow from the one before",
    ChainProblem.KIND_ALTERED_CONTENT: "the content is not what was said",
    ChainProblem.KIND_SEQ_GAP: "the numbers of messages have a hole",
}


def verify(
    conversation: Annotated[str, typer.Argument(help="Id, name of a group, or @person.")],
    first: Annotated[int, typer.Option("--from", help="First change number.", min=1)] = 1,
    last: Annotated[int, typer.Option("--to", help="Last change number; 0: the end.")] = 0,
    anchors: Annotated[
        Path | None,
        typer.Option(help="File that keeps the last link of each conversation between calls."),
    ] = None,
    json: Json = False,
) -> None:
    """Prove that nothing of a conversation is missing or altered; exit code 1 if something is."""

    async def work(plexus: Plexus) -> Verified:
        return await _walk(plexus, await resolve(plexus, conversation), first=first, last=last)

    found = run(work)
    if anchors is not None:
        _compare_and_keep(found, anchors)
    _tell(found, json=json)
    if found.problems:
        shown = "\n".join(f"  {n}: {word}" for n, word in found.problems[:PROBLEMS_SHOWN])
        raise Refused(
            f"{len(found.problems)} problems in {found.conversation_id}:\n{shown}",
            reason="CHAIN_BROKEN",
        )


async def _walk(plexus: Plexus, conversation_id: str, *, first: int, last: int) -> Verified:
    """Fetch page after page and compute every link again."""
    found = Verified(conversation_id)
    at, previous = first, GENESIS if first == 1 else None
    while True:
        request = VerifyConversationRequest(
            conversation_id=conversation_id, from_change_no=at, to_change_no=last
        )
        response = await plexus.call(plexus.messaging.VerifyConversation, request)
        link = response.previous_chain_hash
        if previous is not None and link != previous:
            found.note(at, "the link does not follow from the one before")
        for each in response.links:
            link = found.take(each, link)
        for problem in response.problems:
            found.note(problem.change_no, _WORDS.get(problem.kind, "is not as it should be"))
        found.through, found.link = response.through, link
        if not response.has_more:
            return found
        at, previous = response.through + 1, link


def _tell(found: Verified, *, json: bool) -> None:
    if json:
        print_json(
            {
                "conversation_id": found.conversation_id,
                "entries": found.entries,
                "through": found.through,
                "purged": found.purged,
                "chain_hash": found.link.hex(),
                "problems": [{"change_no": n, "problem": word} for n, word in found.problems],
            }
        )
    elif not found.problems:
        gone = f", {found.purged} of them emptied by recall" if found.purged else ""
        say(f"{found.entries} entries verified through {found.through}{gone}: {found.link.hex()}")


def _compare_and_keep(found: Verified, anchors: Path) -> None:
    """Compare with the link that was kept for a number, and keep the newest one.

    Raises:
        Refused: the file is none of ours.
    """
    kept: dict[str, dict[str, object]] = {}
    if anchors.exists():
        try:
            kept = json_.loads(anchors.read_text())
            before = kept.get(found.conversation_id)
            number = int(str(before["change_no"])) if before else 0
            link = str(before["chain_hash"]) if before else ""
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise Refused(f"{anchors} holds no anchors: {problem}; name another file.") from problem
        present = found.links.get(number)
        if number > found.through:
            found.note(number, "the conversation ends before the number that was kept")
        elif number and present is not None and present.hex() != link:
            found.note(number, "the link is another than the one that was kept")
    if not found.problems:
        kept[found.conversation_id] = {"change_no": found.through, "chain_hash": found.link.hex()}
        anchors.write_text(json_.dumps(kept, indent=1))
