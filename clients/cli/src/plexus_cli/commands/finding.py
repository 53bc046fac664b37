"""Search."""

from typing import Annotated, Any

from plexus.search.v1.search_service_pb2 import Hit, SearchRequest, SearchResponse
from plexus_sdk import Plexus, Refused

from plexus_cli.context import name_people, run
from plexus_cli.language import counted, tr
from plexus_cli.lookups.conversations import titles
from plexus_cli.options import Argument, Json, Option
from plexus_cli.output import mention_aside, print_json, say
from plexus_cli.safety import safe_line
from plexus_cli.styled import Styled
from plexus_cli.texts import read_input

MATCH_BEGINS, MATCH_ENDS = "\x02", "\x03"


def search(
    query: Annotated[str, Argument(help="Words to search for; `-` reads a query per line.")],
    kind: Annotated[
        list[str] | None,
        Option("--type", help="Kind of result.", choices=("message", "task", "person")),
    ] = None,
    limit: Annotated[int, Option(min=1, max=100)] = 20,
    json: Json = False,
) -> None:
    """Search all content visible to you."""

    def asked(words: str) -> SearchRequest:
        return SearchRequest(query=words, types=kind or [], page_size=limit)

    if query == "-":
        lines = read_input().splitlines()
        if run(lambda plexus: _answer_each(plexus, [asked(words) for words in lines])):
            raise Refused(tr("At least one query was refused; its line says why."))
        return

    async def one(plexus: Plexus) -> tuple[SearchResponse, dict[str, str]]:
        response = await plexus.call(plexus.search.Search, asked(query))
        return response, {} if json else await _names(plexus, response)

    response, names = run(one)
    if json:
        print_json(line(response))
    else:
        show(response, names)


async def _answer_each(plexus: Plexus, requests: list[SearchRequest]) -> bool:
    """Print one answer per line, also for refused queries; return whether one was refused."""
    refused = False
    for request in requests:
        try:
            print_json(line(await plexus.call(plexus.search.Search, request)))
        except Refused as error:
            print_json({"error": error.reason, "message": str(error)})
            refused = True
    return refused


async def _names(plexus: Plexus, response: SearchResponse) -> dict[str, str]:
    """Return the names of authors and conversations of hits, by id."""
    names = await name_people(plexus, {hit.author_id for hit in response.hits} - {""})
    if any(hit.type == "message" for hit in response.hits):
        names |= await titles(plexus)
    return names


def line(response: SearchResponse) -> dict[str, Any]:
    """Return an answer as JSON values for scripts."""
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
    say(counted(response.total, "{n} found", "{n} found"))
    if response.partial:
        mention_aside(tr("The newest may be missing."))
    for hit in response.hits:
        where = f"{names.get(hit.conversation_id, hit.conversation_id)} #{hit.seq}"
        place = where if hit.type == "message" else hit.id
        author = names.get(hit.author_id, "")
        say(Styled().append(safe_line(f"{tr(hit.type)}  {place}  {author}"), "dim"))
        say(Styled("  ").append(highlighted(hit)))


def highlighted(hit: Hit) -> Styled:
    """Return a hit's first highlight, or its text, with the matches marked."""
    text = Styled()
    source = " … ".join(hit.highlights) if hit.highlights else hit.text
    for index, part in enumerate(source.replace("\n", " ").split(MATCH_BEGINS)):
        match, ends, rest = part.partition(MATCH_ENDS)
        if index and ends:
            text.append(safe_line(match), "bold reverse")
            text.append(safe_line(rest))
        else:
            text.append(safe_line(part))
    return text
