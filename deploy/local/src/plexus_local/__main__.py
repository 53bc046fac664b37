"""`python -m plexus_local up | demo | down | clean | status | env | logs`."""

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from plexuskit.config import TelemetrySection
from plexuskit.telemetry import configure

from plexus_local import commands, show, web
from plexus_local.journal import Phase, Status, recorded
from plexus_local.layout import Layout
from plexus_local.logs import logs
from plexus_local.servers import ToolMissing
from plexus_local.servers.home import home
from plexus_local.supervisor import is_running, supervise

DEGRADED = 1
NOT_RUNNING = 3
# Variables that tests and the command line read; without PLEXUS_MONGO_URL and the like, which would
# make the next `up` treat its own servers as external. Tests have a MongoDB and a Kafka of their
# own: they would set other passwords for the users of these.
EXPORTED = {
    "PLEXUS_GATEWAY_URL": "gateway",
    "PLEXUS_GATEWAY_GRPC": "gateway (gRPC)",
    "PLEXUS_CA_FILE": "certificate authority",
    "PLEXUS_TEST_OPENSEARCH_URL": "opensearch",
    "PLEXUS_MAIL_FOLDER": "mails",
    "PLEXUS_BOOTSTRAP_SECRET_FILE": "bootstrap secret",
}


def main() -> int:
    """Run one command and return its exit code; new files are readable by this user only."""
    os.umask(0o077)
    arguments = _parser().parse_args()
    try:
        layout = Layout(home() / ".plexus")
    except ToolMissing as missing:
        show.line(str(missing))
        return 1

    run: Callable[[Layout, argparse.Namespace], int] = arguments.run
    return run(layout, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plexus_local", description="Plexus on one machine")
    commands_of = parser.add_subparsers(dest="command", required=True)

    up = _command(commands_of, "up", _up, "start everything and wait until it is ready")
    up.add_argument("--foreground", action="store_true", help="stay, and stop with Ctrl-C")
    _command(commands_of, "down", _down, "stop everything, keep the data")
    clean = _command(commands_of, "clean", _clean, "stop everything and remove its files")
    clean.add_argument("--tools", action="store_true", help="remove downloaded tools as well")
    status = _command(commands_of, "status", _status, "show the processes")
    status.add_argument("--json", action="store_true", help="the whole state, for programs")
    demo = _command(commands_of, "demo", _demo, "start everything and let a company move in")
    demo.add_argument("--export", help="a Slack export instead of the sample company")
    _command(commands_of, "env", _env, "print addresses as shell exports")
    show_logs = _command(commands_of, "logs", _logs, "show the ends of the logs")
    show_logs.add_argument("names", nargs="*", metavar="PROCESS")
    show_logs.add_argument("-n", "--lines", type=int, default=10)
    show_logs.add_argument("-f", "--follow", action="store_true")
    _command(commands_of, "supervise", _supervise, "what `up` runs in the background")
    return parser


def _command(
    group: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[Layout, argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    parser = group.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    return parser


def _up(layout: Layout, arguments: argparse.Namespace) -> int:
    if arguments.foreground:
        show.line("Starting Plexus; Ctrl-C stops it.")
        return _supervise(layout, arguments)
    return commands.up(layout)


def _build_client() -> None:
    """Build the web client if its sources have changed; without Node, print the remedy."""
    try:
        if web.build(home()):
            show.line("The web client was built.")
    except (web.NodeMissing, subprocess.SubprocessError, OSError) as error:
        show.line(f"The web client was not built: {error}")


def _demo(layout: Layout, arguments: argparse.Namespace) -> int:
    _build_client()
    failed = commands.up(layout)
    if failed:
        return failed
    # Imported here: it needs the SDK of the command line, and `down` must work without it.
    from plexus_local.demo import demo  # noqa: PLC0415 - see above

    export = Path(arguments.export) if arguments.export else None
    if export is not None and not export.exists():
        show.line(f"There is no {export}.")
        return 2
    return demo(layout, export=export, samples=home() / "samples/company")


def _down(layout: Layout, _: argparse.Namespace) -> int:
    return commands.down(layout)


def _clean(layout: Layout, arguments: argparse.Namespace) -> int:
    return commands.clean(layout, tools=arguments.tools)


def _logs(layout: Layout, arguments: argparse.Namespace) -> int:
    return logs(layout, names=arguments.names, lines=arguments.lines, following=arguments.follow)


def _supervise(layout: Layout, _: argparse.Namespace) -> int:
    # Imported here: it needs every service's settings, and `down` must work without them.
    from plexus_local.plexus import whole_plexus  # noqa: PLC0415 - see above

    configure(TelemetrySection(log_format="console"), service="local")
    return supervise(layout, plan=lambda: whole_plexus(layout))


def _status(layout: Layout, arguments: argparse.Namespace) -> int:
    running = is_running(layout)
    content = recorded(layout)
    if arguments.json:
        sys.stdout.write(json.dumps(content | {"running": running}, indent=1) + "\n")
    else:
        show.status(content, running=running)

    if not running:
        return NOT_RUNNING
    processes = [part for part in content.get("parts", {}).values() if part["kind"] == "process"]
    fine = content.get("phase") == Phase.READY and all(
        part["status"] == Status.READY for part in processes
    )
    return 0 if fine else DEGRADED


def _env(layout: Layout, _: argparse.Namespace) -> int:
    if not is_running(layout):
        sys.stderr.write("Plexus is not running; `make up` starts it.\n")
        return NOT_RUNNING
    addresses = recorded(layout).get("addresses", {})
    for variable, name in EXPORTED.items():
        if name in addresses:
            sys.stdout.write(f"export {variable}={shlex.quote(addresses[name])}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
