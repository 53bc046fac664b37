"""What you have begun to write, the same on all of your devices."""

import sys
from typing import Annotated

import typer
from plexus.messaging.v1 import personal_service_pb2
from plexus.messaging.v1.personal_service_pb2 import Draft
from plexus_sdk import Plexus
from plexuskit.clock import SystemClock
from plexuskit.timestamps import timestamp

from plexus_cli.commands.conversations import all_views, resolve, title_of
from plexus_cli.context import name_people, run
from plexus_cli.output import as_dict, local, print_json, print_table, say

pb = personal_service_pb2
app = typer.Typer(no_args_is_help=True, help="Messages that you have begun to write.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Where = Annotated[str, typer.Argument(help="Id, name of a group, or @person.")]
Thread = Annotated[int, typer.Option(help="Of the thread of this seq.")]


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

    drafts, names = run(work)
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
    print_table(f"{len(drafts)} drafts", ["conversation", "", "written", "text"], rows)


@app.command()
def save(
    conversation: Where,
    text: Annotated[str, typer.Argument(help="What you have so far; `-` reads standard input.")],
    thread: Thread = 0,
    json: Json = False,
) -> None:
    """Keep what you have begun to write in a conversation, in place of what was there."""
    written = sys.stdin.read().rstrip("\n") if text == "-" else text
    kept = _save(conversation, written, thread)
    if json:
        print_json(as_dict(kept))
    elif kept.text == written:
        say(f"Saved version {kept.version}.")
    else:
        say("Another device has written something newer; that is kept.")


@app.command()
def delete(conversation: Where, thread: Thread = 0, json: Json = False) -> None:
    """Throw a draft away."""
    kept = _save(conversation, "", thread)
    if json:
        print_json(as_dict(kept))
    else:
        say("Another device has written something newer; that is kept." if kept.text else "Gone.")


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


async def titles(plexus: Plexus) -> dict[str, str]:
    """Name the conversations that you are in, by id."""
    views = await all_views(plexus)
    names = await name_people(plexus, {view.peer_id for view in views} - {""})
    return {view.conversation.id: title_of(view, names) for view in views}
