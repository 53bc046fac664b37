"""Request ids, the idempotency keys of changes."""

from typing import Annotated

from plexuskit.clock import SystemClock
from plexuskit.ids import new_id

from plexus_cli.options import Option

RequestId = Annotated[str | None, Option("--id", help="Id for retries.")]


def new_request_id() -> str:
    """Return a new request id, under which a change takes effect once."""
    return new_id("req", now=SystemClock().now())
