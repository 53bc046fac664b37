"""Drafts of messages, the same on all devices."""

from typing import Annotated

from plexus.messaging.v1 import personal_service_pb2
from plexus.messaging.v1.personal_service_pb2 import Draft
from plexus_sdk import Plexus
from plexuskit.clock import SystemClock
from plexuskit.timestamps import timestamp

from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.lookups.conversations import resolve, titles
from plexus_cli.moments import heading, local
from plexus_cli.options import Argument, Group, Json, Option, Where
from plexus_cli.output import as_dict, print_json, print_table, say
from plexus_cli.texts import given

pb = personal_service_pb2
app = Group(help="Unsent messages, the same on all your devices.")

Thread = Annotated[int, Option(help="In the thread of this seq.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """List your drafts, newest first."""

    async def work(plexus: Plexus) -> tuple[list[Draft], dict[str, str]]:
        drafts: list[Draft] = []
        token = ""
        while True:
            request = pb.ListDraftsRequest(page_size=500, page_token=token)
            response = await plexus.call(plexus.personal.ListDrafts, request)
            drafts += response.drafts
            token = response.next_page_token
            if not token:
                return drafts, {} if json else await titles(plexus)

    drafts, names = run(work, in_zone=not json)
    if json:
        print_json([as_dict(draft) for draft in drafts])
        return
    rows = [
        (
            names.get(draft.conversation_id, draft.conversation_id),
            f"↳{draft.root_seq}" if draft.root_seq else "",
            local(draft.written_at),
            draft.text,
        )
        for draft in drafts
    ]
    print_table(
        counted(len(drafts), "{n} draft", "{n} drafts"),
        ["conversation", "", heading("written"), "text"],
        rows,
    )


@app.command()
def save(
    conversation: Where,
    text: Annotated[str, Argument(help="Text of the draft; `-` reads standard input.")],
    thread: Thread = 0,
    json: Json = False,
) -> None:
    """Save a draft in a conversation, replacing the previous one."""
    written = given(text)
    kept = _save(conversation, written, thread)
    if json:
        print_json(as_dict(kept))
    elif kept.text == written:
        say(tr("Saved version {version}.", version=kept.version))
    else:
        say(tr("Another device has written something newer; that is kept."))


@app.command()
def delete(conversation: Where, thread: Thread = 0, json: Json = False) -> None:
    """Delete a draft."""
    kept = _save(conversation, "", thread)
    if json:
        print_json(as_dict(kept))
    else:
        say(
            tr("Another device has written something newer; that is kept.")
            if kept.text
            else tr("There is no draft any more.")
        )


def _save(conversation: str, text: str, thread: int) -> Draft:
    async def work(plexus: Plexus) -> Draft:
        request = pb.SaveDraftRequest(
            conversation_id=await resolve(plexus, conversation),
            root_seq=thread,
            text=text,
            written_at=timestamp(SystemClock().now()),
        )
        return (await plexus.call(plexus.personal.SaveDraft, request)).draft

    return run(work)
