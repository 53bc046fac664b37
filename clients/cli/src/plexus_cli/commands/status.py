"""Status of the company: counts of its objects."""

from typing import Any

from plexus.directory.v1.directory_service_pb2 import GetDirectoryStatusRequest
from plexus.messaging.v1.messaging_service_pb2 import GetMessagingStatusRequest
from plexus.notify.v1.notify_service_pb2 import GetNotifyStatusRequest
from plexus.search.v1.search_service_pb2 import GetSearchStatusRequest
from plexus.tasks.v1.tasks_service_pb2 import GetTasksStatusRequest
from plexus_sdk import Plexus, Refused

from plexus_cli.context import run
from plexus_cli.language import tr
from plexus_cli.options import Json
from plexus_cli.output import print_json, print_table, say


def status(json: Json = False) -> None:
    """Count people, conversations, messages and deliveries of the company."""
    result = run(gather)
    if json:
        print_json(result)
    else:
        rows = [
            (tr(name.replace("_", " ")), tr("unknown") if n is None else n)
            for name, n in result["counts"].items()
        ]
        print_table(
            tr("Plexus at {url}, as {name}", url=result["url"], name=result["as"]),
            ["", ""],
            rows,
        )
        if result["search_lag_seconds"]:
            seconds = round(result["search_lag_seconds"])
            say(
                tr(
                    "The search index is behind by {n} s; the newest may not be found yet.",
                    n=seconds,
                )
            )
        for service, problem in result["unavailable"].items():
            say(f"{service}: {problem}")
    if result["unavailable"]:
        raise Refused(tr("Not answering: {services}.", services=", ".join(result["unavailable"])))


async def gather(plexus: Plexus) -> dict[str, Any]:
    """Query the counts of every service; one that does not respond leaves nulls and is listed."""
    questions: list[tuple[str, Any, Any]] = [
        ("directory", plexus.directory.GetDirectoryStatus, GetDirectoryStatusRequest()),
        ("messaging", plexus.messaging.GetMessagingStatus, GetMessagingStatusRequest()),
        ("search", plexus.search.GetSearchStatus, GetSearchStatusRequest()),
        ("notify", plexus.notify.GetNotifyStatus, GetNotifyStatusRequest()),
        ("tasks", plexus.tasks.GetTasksStatus, GetTasksStatusRequest()),
    ]
    answers: dict[str, Any] = {}
    unavailable: dict[str, str] = {}
    for service, method, request in questions:
        try:
            answers[service] = await plexus.call(method, request)
        except Refused as error:
            if error.reason == "PERMISSION_MISSING":
                raise
            unavailable[service] = str(error)

    def figure(service: str, name: str) -> int | None:
        return getattr(answers[service], name) if service in answers else None

    letters = [figure("search", "dead_letters"), figure("notify", "dead_letters")]
    return {
        "url": plexus.profile.url,
        "as": plexus.profile.handle,
        "counts": {
            "people": figure("directory", "people"),
            "conversations": figure("messaging", "conversations"),
            "messages": figure("messaging", "messages"),
            "indexed_messages": figure("search", "indexed_messages"),
            "tasks": figure("tasks", "tasks"),
            "deliveries": figure("notify", "deliveries"),
            "dead_letters": None if None in letters else sum(n for n in letters if n is not None),
        },
        "search_lag_seconds": (answers["search"].lag_seconds if "search" in answers else None),
        "unavailable": unavailable,
    }
