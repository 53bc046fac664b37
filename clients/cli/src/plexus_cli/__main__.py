"""The `plexus` command. Exit codes: 0 done, 1 refused (the reason on stderr), 2 usage."""

import sys

import typer
from plexus_sdk import Refused

from plexus_cli.commands import (
    access,
    admin,
    altering,
    anchors,
    api_tokens,
    arranging,
    auditing,
    departments,
    drafts,
    finding,
    groups,
    guests,
    importing,
    messages,
    modules,
    notifications,
    open_sessions,
    people,
    policies,
    roles,
    roster,
    schedule,
    second_factor,
    session,
    status,
    tailing,
    tasks,
    verifying,
)
from plexus_cli.context import asked
from plexus_cli.output import warn

app = typer.Typer(
    name="plexus",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="Talk, decide and follow up: the Plexus command line.",
)

OF_EVERY_COMMAND = ("--url", "--as")


@app.callback()
def options(
    url: str = typer.Option(None, help="Gateway's native address, host:port."),
    as_: str = typer.Option(None, "--as", help="Profile to act as; see `plexus profiles`."),
) -> None:
    """Take the options of every command."""
    asked.url = url
    asked.profile = as_


app.command()(session.login)
app.command()(session.logout)
app.command()(session.profiles)
people.app.command("import", help=roster.HELP)(roster.import_)
app.add_typer(people.app, name="people")
app.add_typer(departments.app, name="departments")
app.add_typer(groups.app, name="groups")
app.add_typer(guests.app, name="guests")
app.add_typer(second_factor.app, name="second-factor")
app.add_typer(open_sessions.app, name="sessions")
app.add_typer(api_tokens.app, name="tokens")
app.add_typer(arranging.app, name="conversations")
app.command()(messages.history)
app.command()(messages.send)
app.command()(altering.edit)
app.command()(altering.recall)
app.command()(altering.react)
app.command()(altering.pin)
app.command()(altering.pins)
app.command()(altering.label)
app.command()(altering.forward)
app.command()(altering.versions)
app.command()(tailing.tail)
app.command()(messages.unread)
app.command()(messages.read)
app.command()(messages.receipts)
app.command()(verifying.verify)
app.command()(anchors.anchors)
app.add_typer(drafts.app, name="drafts")
app.add_typer(schedule.app, name="schedule")
app.command()(finding.search)
app.add_typer(tasks.app, name="tasks")
app.add_typer(notifications.app, name="notifications")
app.add_typer(importing.app, name="import")
app.add_typer(roles.app, name="roles")
app.add_typer(policies.app, name="policies")
app.add_typer(modules.app, name="modules")
app.command()(status.status)
app.add_typer(access.app, name="access")
app.add_typer(auditing.app, name="audit")
app.add_typer(admin.app, name="admin")


def hoisted(arguments: list[str]) -> list[str]:
    """Put `--url` and `--as` in front, so that they may stand anywhere before `--`."""
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            rest += [argument, *waiting]
        elif argument in OF_EVERY_COMMAND:
            front += [argument, *(value for value in [next(waiting, None)] if value is not None)]
        elif argument.startswith(tuple(f"{name}=" for name in OF_EVERY_COMMAND)):
            front.append(argument)
        else:
            rest.append(argument)
    return front + rest


def main() -> None:
    """Run the command that was typed."""
    try:
        app(args=hoisted(sys.argv[1:]), prog_name="plexus")
    except Refused as refused:
        warn(str(refused), reason=refused.reason)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    main()
