"""Explanation of permissions: decisions on a call, and past readers of an object."""

from collections.abc import Callable
from typing import Annotated

from google.protobuf.timestamp_pb2 import Timestamp
from plexus.audit.v1 import access_service_pb2
from plexus.audit.v1.access_service_pb2 import ExplainAccessResponse, Step, Viewer
from plexus_sdk import Plexus
from plexuskit.timestamps import instant_of, timestamp

from plexus_cli import moments
from plexus_cli.context import find_people, name_people, run
from plexus_cli.language import counted, tr
from plexus_cli.lookups import subjects
from plexus_cli.options import Argument, Group, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say

pb = access_service_pb2
app = Group(help="Permissions of people and the reasons, now or at a past time.")

PAGE = 1_000
OBJECT_HELP = "conversation:…, project:…, task:…, department:…, group:… or @person."

At = Annotated[str | None, Option(help=moments.PAST_HELP)]


@app.command()
def explain(
    person: Annotated[str, Argument(help="Handle or id.")],
    permission: Annotated[str, Argument(help="For example messages.send.")],
    object_: Annotated[str, Argument(metavar="[OBJECT]", help=OBJECT_HELP)] = "",
    scope: Annotated[
        list[str] | None, Option(help="Assume a token limited to this permission; can be repeated.")
    ] = None,
    second_factor: Annotated[bool, Option(help="Assume a session with a second factor.")] = False,
    at: At = None,
    json: Json = False,
) -> None:
    """Explain step by step whether a permission is granted, for an object or without one."""

    async def work(plexus: Plexus) -> tuple[ExplainAccessResponse, Callable[[str], str]]:
        people = await find_people(plexus, [person])
        request = pb.ExplainAccessRequest(
            subject=f"person:{people[person].id}",
            permission=permission,
            object=await _object(plexus, object_),
            scopes=scope or (),
            second_factor=second_factor,
            at=_moment(at),
        )
        found = await plexus.call(plexus.access_history.ExplainAccess, request)
        texts = [found.summary, *(text for step in found.steps for text in _texts(step))]
        return found, str if json else await subjects.readable(plexus, texts)

    found, readable = run(work, in_zone=True)
    if json:
        print_json(as_dict(found))
        return
    say(
        tr(
            "{summary} As of {at}.",
            summary=readable(found.summary),
            at=moments.shown(instant_of(found.as_of)),
        )
    )
    rows = [
        (
            tr(Step.Kind.Name(step.kind).removeprefix("KIND_").lower()),
            tr("yes") if step.passed else tr("no"),
            *map(readable, _texts(step)),
        )
        for step in found.steps
    ]
    print_table("", ["step", "passed", "rule", "", "path"], rows)


@app.command()
def who(
    object_: Annotated[str, Argument(metavar="OBJECT", help=OBJECT_HELP)],
    at: At = None,
    json: Json = False,
) -> None:
    """List the people who could see an object, and why."""

    async def work(
        plexus: Plexus,
    ) -> tuple[list[Viewer], Timestamp, dict[str, str], Callable[[str], str]]:
        request = pb.WhoCanSeeRequest(
            object=await _object(plexus, object_), at=_moment(at), page_size=PAGE
        )
        viewers: list[Viewer] = []
        while True:
            page = await plexus.call(plexus.access_history.WhoCanSee, request)
            viewers += page.viewers
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        names = await name_people(plexus, {each.person_id for each in viewers})
        texts = [text for each in viewers for text in (each.rule, *each.path)]
        readable = str if json else await subjects.readable(plexus, texts)
        return viewers, page.as_of, names, readable

    viewers, as_of, names, readable = run(work, in_zone=True)
    if json:
        shown = [{**as_dict(each), "handle": names[each.person_id]} for each in viewers]
        print_json({"as_of": as_of.ToJsonString(), "viewers": shown})
        return
    rows = [
        (names[each.person_id], readable(each.rule), readable(" → ".join(each.path)))
        for each in viewers
    ]
    title = counted(
        len(viewers),
        "{n} person could see {object}, as of {at}",
        "{n} people could see {object}, as of {at}",
        object=object_,
        at=moments.shown(instant_of(as_of)),
    )
    print_table(title, ["who", "rule", "path"], rows)


async def _object(plexus: Plexus, written: str) -> str:
    if not written.startswith("@"):
        return written
    people = await find_people(plexus, [written])
    return f"person:{people[written].id}"


def _moment(word: str | None) -> Timestamp | None:
    return timestamp(moments.past(word, day_is="end")) if word else None


def _texts(step: Step) -> tuple[str, str, str]:
    return step.rule, step.text, " → ".join(step.path)
