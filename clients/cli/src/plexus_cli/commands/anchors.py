"""`plexus anchors`: store the latest links of all conversations outside the platform."""

import json
from pathlib import Path
from typing import Annotated

from plexus.messaging.v1.messaging_service_pb2 import (
    ConversationAnchor,
    ExportConversationAnchorsRequest,
)
from plexus_sdk import Plexus, Refused

from plexus_cli.context import run
from plexus_cli.language import tr
from plexus_cli.options import Argument, Option
from plexus_cli.output import say

PAGE = 500
REASON = "plexus-reason-bin"

Kept = dict[str, dict[str, object]]


def anchors(
    file: Annotated[Path, Argument(help="File that `plexus verify --anchors` reads.")],
    reason: Annotated[str, Option(help="Reason; the ledger keeps it.")],
) -> None:
    """Store the newest link of every conversation in a file, for later proofs.

    Exit code 1 if a conversation is shorter than before, or its link at a stored number differs.
    """
    kept = read(file)

    async def work(plexus: Plexus) -> list[ConversationAnchor]:
        return await _export(plexus, reason=reason)

    found = run(work)
    problems = [problem for anchor in found if (problem := _problem(kept, anchor))]
    if problems:
        raise Refused("\n".join(problems), reason="CHAIN_BROKEN")
    for anchor in found:
        kept[anchor.conversation_id] = {
            "change_no": anchor.change_no,
            "chain_hash": anchor.chain_hash.hex(),
        }
    write(file, kept)
    say(tr("Kept the links of {n} conversations in {file}.", n=len(found), file=file))


def read(file: Path) -> Kept:
    """Read a file of anchors; return an empty set if there is no file yet.

    Raises:
        Refused: the file has another format.
    """
    if not file.exists():
        return {}
    try:
        kept: Kept = json.loads(file.read_text())
        for anchor in kept.values():
            int(str(anchor["change_no"]))
            bytes.fromhex(str(anchor["chain_hash"]))
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Refused(
            tr("{file} holds no anchors: {problem}; name another file.", file=file, problem=problem)
        ) from problem
    return kept


def write(file: Path, kept: Kept) -> None:
    """Write a file of anchors."""
    file.write_text(json.dumps(kept, indent=1))


def _problem(kept: Kept, anchor: ConversationAnchor) -> str:
    previous = kept.get(anchor.conversation_id)
    if previous is None:
        return ""
    number = int(str(previous["change_no"]))
    if anchor.change_no < number:
        return f"{anchor.conversation_id} ends with {anchor.change_no}, before {number}"
    if anchor.change_no == number and anchor.chain_hash.hex() != previous["chain_hash"]:
        return f"{anchor.conversation_id}: {number} has another link than the one that was kept"
    return ""


async def _export(plexus: Plexus, *, reason: str) -> list[ConversationAnchor]:
    found: list[ConversationAnchor] = []
    token = ""
    while True:
        request = ExportConversationAnchorsRequest(page_size=PAGE, page_token=token)
        response = await plexus.call(
            plexus.messaging.ExportConversationAnchors, request, extra=((REASON, reason.encode()),)
        )
        found += response.anchors
        token = response.next_page_token
        if not token:
            return found
