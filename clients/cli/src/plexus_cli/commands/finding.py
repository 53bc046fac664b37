"""Searching."""

import sys
from typing import Annotated, Any

import typer
from plexus.search.v1.search_service_pb2 import Hit, SearchRequest, SearchResponse
from plexus_sdk import Plexus, Refused
from rich.text import Text

from plexus_cli.context import name_people, run
from plexus_cli.output import out, print_json
from plexus_cli.rendering import safe_line

MATCH_BEGINS, MATCH_ENDS = "\x02", "\x03"


def search(
    query: Annotated[str, typer.Argument(help="What to look for; `-` reads a query per line.")],
    kind: Annotated[
        list[str] | None, typer.Option("--type", help="message, task or person.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Search everything that you may read."""

    async def ask(plexus: Plexus, words: str) -> SearchResponse:
        request = SearchRequest(query=words, types=kind or [], page_size=limit)
        return await plexus.call(plexus.search.Search, request)

    async def one(plexus: Plexus) -> tuple[SearchResponse, dict[str, str]]:
        response = await ask(plexus, query)
        names = (
            {} if json else await name_people(plexus, {h.author_id for h in response.hits} - {""})
        )
        return response, names

    async def each_line(plexus: Plexus) -> bool:
        refused = False
        for words in sys.stdin:
            try:
                print_json(line(await ask(plexus, words.rstrip("\n"))))
            except Refused as error:
                # One answer a line, also for a query that was refused.
                print_json({"error": error.reason, "message": str(error)})
                refused = True
        return refused

    if query == "-":
        if run(each_line):
            raise Refused("At least one query was refused; its line says why.")
        return
    response, names = run(one)
    if json:
        print_json(line(response))
    else:
        show(response, names)


def line(response: SearchResponse) -> dict[str, Any]:
    """Give an answer as scripts read it."""
    return {
        "total": response.total,
        "partial": response.partial,
        "hits": [
            {
                "type": hit.type,
                "id": hit.id,
                "conversation_id": hit.conversation_id,
                "seq": hit.seq,
                "text": hit.text,
                "score": hit.score,
            }
            for hit in response.hits
        ],
    }


def show(response: SearchResponse, names: dict[str, str]) -> None:
    """Print hits with their matches in bold."""
    late = ", the newest may be missing" if response.partial else ""
    out.print(f"{response.total} found{late}")
    for hit in response.hits:
        where = f"{hit.conversation_id} #{hit.seq}" if hit.type == "message" else hit.id
        author = names.get(hit.author_id, "")
        out.print(Text(safe_line(f"{hit.type}  {where}  {author}"), style="dim"))
        out.print(Text("  ").append_text(highlighted(hit)))


def highlighted(hit: Hit) -> Text:
    """Give a hit's first highlight, or its text, with the matches marked."""
    text = Text()
    source = " … ".join(hit.highlights) if hit.highlights else hit.text
    for index, part in enumerate(source.replace("\n", " ").split(MATCH_BEGINS)):
        match, ends, rest = part.partition(MATCH_ENDS)
        if index and ends:
            text.append(safe_line(match), style="bold reverse")
            text.append(safe_line(rest))
        else:
            text.append(safe_line(part))
    return text
