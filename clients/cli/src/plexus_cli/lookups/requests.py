"""Ids of requests, under which a change counts once."""

from typing import Annotated

from plexuskit.clock import SystemClock
from plexuskit.ids import new_id

from plexus_cli.options import Option

RequestId = Annotated[str | None, Option("--id", help="Id for retries.")]


def new_request_id() -> str:
    """Make the id under which a change counts once."""
    return new_id("req", now=SystemClock().now())
