"""The HR feed: its status, and an administrator's decision when it has stopped."""

from typing import Annotated

from plexus.directory.v1.scim_service_pb2 import (
    FeedStatus,
    GetFeedStatusRequest,
    ResolveFeedRequest,
)
from plexus_sdk import Plexus

from plexus_cli.context import name_people, run
from plexus_cli.language import counted, tr
from plexus_cli.moments import heading, local
from plexus_cli.options import Group, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say

app = Group(help="The HR feed (SCIM) and its pending approvals.")

Waiting = Annotated[
    int,
    Option(
        "--waiting",
        min=1,
        help="Number of people awaiting approval, as `status` shows it; refused if it differs.",
    ),
]


@app.command()
def status(json: Json = False) -> None:
    """Show the state of the feed, denied and ignored changes, and people awaiting approval."""

    async def work(plexus: Plexus) -> tuple[FeedStatus, dict[str, str]]:
        response = await plexus.call(plexus.scim.GetFeedStatus, GetFeedStatusRequest())
        names = await name_people(plexus, set(response.status.waiting_person_ids))
        return response.status, names

    found, names = run(work, in_zone=not json)
    if json:
        print_json(as_dict(found))
        return
    say(
        tr(
            "{deactivated} of {allowed} deactivations in the last 24 hours.",
            deactivated=found.deactivated,
            allowed=found.allowed,
        )
    )
    if found.refused:
        rows = [(each.about, each.permission, local(each.at)) for each in found.refused]
        print_table(
            tr("Refused: the person or group holds more than the feed"),
            ["about", "permission", heading("at")],
            rows,
        )
        say(tr("Do these yourself, or bind a role with the permission to the feed's account."))
    if found.ignored:
        ignored = [
            (each.resource, each.attribute, local(each.last_sent_at)) for each in found.ignored
        ]
        print_table(
            tr("Ignored: attributes that Plexus does not have"),
            ["of", "attribute", heading("last sent")],
            ignored,
        )
        say(tr("Map them to other attributes in the identity provider, or remove their mappings."))
    if not found.stopped:
        say(tr("The feed runs."))
        return
    title = counted(
        found.waiting,
        "Stopped since {at}: {n} person waits",
        "Stopped since {at}: {n} people wait",
        at=local(found.stopped_at),
    )
    print_table(title, ["handle", "id"], [(names[id_], id_) for id_ in found.waiting_person_ids])
    if found.waiting > len(names):
        say(tr("The list names the {n} who wait longest.", n=len(names)))
    say(tr("Answer with: plexus admin feed approve --waiting {n}, or drop", n=found.waiting))


@app.command()
def approve(waiting: Waiting) -> None:
    """Deactivate the people awaiting approval, and resume the feed."""
    _answer(approve=True, waiting=waiting)
    say(
        counted(
            waiting,
            "{n} person is deactivated; the feed runs.",
            "{n} people are deactivated; the feed runs.",
        )
    )


@app.command()
def drop(waiting: Waiting) -> None:
    """Keep the people awaiting approval active, and resume the feed."""
    _answer(approve=False, waiting=waiting)
    say(counted(waiting, "{n} person stays; the feed runs.", "{n} people stay; the feed runs."))


def _answer(*, approve: bool, waiting: int) -> None:
    async def work(plexus: Plexus) -> None:
        request = ResolveFeedRequest(approve=approve, expected_waiting=waiting)
        await plexus.call(plexus.scim.ResolveFeed, request)

    run(work)
