"""Output for the operator."""

import time
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from plexus_local.journal import Phase, Status

CONSOLE = Console(highlight=False)
COLOURS = {
    Status.READY: "green",
    Status.DONE: "green",
    Status.PREPARING: "cyan",
    Status.STARTING: "cyan",
    Status.RESTARTING: "yellow",
    Status.FAILED: "red",
}


def line(text: str) -> None:
    """Print one line without markup."""
    CONSOLE.print(text, markup=False, soft_wrap=True)


def progress(content: dict[str, Any], *, seconds: float) -> Table:
    """Return the progress table of a start after `seconds`."""
    table = Table.grid(padding=(0, 2))
    for name, part in content.get("parts", {}).items():
        table.add_row(Text(name), _coloured(part["status"]))
    table.add_row(Text(f"{seconds:.0f} s", style="dim"))
    return table


def ready(content: dict[str, Any]) -> None:
    """Print the addresses and the next steps."""
    CONSOLE.print("[green]Plexus is ready.[/green]")
    _addresses(content)
    line("")
    line("Next: `make status` shows the processes, `make logs` their logs, `make down` stops them.")


def failed(reason: str) -> None:
    """Print the reason of a failed start and the next steps."""
    CONSOLE.print("[red]Plexus did not start.[/red]")
    line(reason)
    line("")
    line("Everything was stopped again. More is in `make logs`; `make up` tries once more.")


def status(content: dict[str, Any], *, running: bool) -> None:
    """Print every process with its state, pid, port, age and restarts."""
    if not running:
        line("Plexus is not running. `make up` starts it.")
        return

    phase = Phase(content.get("phase", Phase.STARTING))
    line(f"Plexus: {phase}")
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("process", "state", "pid", "port", "for", "restarts"):
        table.add_column(column, justify="right" if column in {"pid", "port", "for"} else "left")
    for name, part in content.get("parts", {}).items():
        if part["kind"] == "process":
            table.add_row(
                escape(name),
                _coloured(part["status"]),
                str(part.get("pid") or ""),
                str(part.get("port") or ""),
                _age(part.get("since")),
                str(part["restarts"] or ""),
            )
    CONSOLE.print(table)
    if phase is Phase.READY:
        _addresses(content)


def _addresses(content: dict[str, Any]) -> None:
    addresses = content.get("addresses", {})
    width = max((len(name) for name in addresses), default=0)
    for name, address in addresses.items():
        line(f"  {name:<{width}}  {address}")
    for note in content.get("notes", []):
        CONSOLE.print(Text(note, style="yellow"))


def _coloured(status: str) -> Text:
    return Text(status, style=COLOURS.get(Status(status), "dim"))


def _age(since: float | None) -> str:
    if since is None:
        return ""
    seconds = int(time.time() - since)
    if seconds < 120:  # noqa: PLR2004 - up to two minutes in seconds
        return f"{seconds} s"
    minutes = seconds // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"  # noqa: PLR2004 - likewise
