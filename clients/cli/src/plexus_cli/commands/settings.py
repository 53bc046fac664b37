"""Settings of the caller: zone, language, working hours, skills and password."""

from typing import Annotated

from plexus.directory.v1 import directory_service_pb2, people_pb2
from plexus.directory.v1.people_pb2 import Person
from plexus.directory.v1.session_service_pb2 import SetPasswordRequest
from plexus_sdk import Plexus

from plexus_cli import moments
from plexus_cli.context import me, run
from plexus_cli.language import tr
from plexus_cli.lookups.requests import RequestId, new_request_id
from plexus_cli.options import BadParameter, Group, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say
from plexus_cli.prompts import password as read_password
from plexus_cli.texts import read_line
from plexus_cli.working_hours import hours_of, shown_hours

app = Group(help="Your own settings: zone, language, working hours, skills, password.")


@app.command()
def show(json: Json = False) -> None:
    """Show your settings."""
    _print(run(me), json=json)


@app.command()
def update(
    zone: Annotated[str | None, Option(help="IANA zone, for example Asia/Shanghai.")] = None,
    language: Annotated[str | None, Option(help="Language.", choices=("zh-CN", "en"))] = None,
    skill: Annotated[list[str] | None, Option(help="Replaces all; `-` for none.")] = None,
    working_days: Annotated[str, Option(help="As in `mon-fri` or `mon,wed`.")] = "",
    working_hours: Annotated[
        list[str] | None, Option(help="A time span, as in `9:00-12:00`; replaces all.")
    ] = None,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Change your zone, language, skills or working hours."""
    given = (zone, language, skill, working_hours, working_days or None)
    if all(each is None for each in given):
        raise BadParameter(tr("give at least one setting"))
    if zone is not None:
        moments.note_zone(zone)

    async def work(plexus: Plexus) -> Person:
        hours = None
        if working_days or working_hours:
            hours = hours_of(working_days, working_hours or (), (await me(plexus)).working_hours)
        request = directory_service_pb2.UpdateProfileRequest(
            request_id=request_id or new_request_id(),
            skills=[] if skill in (None, ["-"]) else skill,
            set_skills=skill is not None,
            time_zone=zone,
            locale=language,
            working_hours=hours,
        )
        return (await plexus.call(plexus.directory.UpdateProfile, request)).person

    _print(run(work), json=json)


@app.command()
def password(
    password_stdin: Annotated[
        bool,
        Option(
            "--password-stdin", help="Read the old and the new password, a line each, from input."
        ),
    ] = False,
) -> None:
    """Change your password; your other sessions end."""
    old = read_password(from_stdin=password_stdin, what="Old password")
    new = (
        read_line()
        if password_stdin
        else read_password(from_stdin=False, twice=True, what="New password")
    )

    async def work(plexus: Plexus) -> None:
        request = SetPasswordRequest(old_password=old, new_password=new)
        await plexus.call(plexus.sessions.SetPassword, request)

    run(work)
    say(tr("Your password is changed; your other sessions have ended."))


def _print(person: people_pb2.Person, *, json: bool) -> None:
    if json:
        print_json(as_dict(person))
        return
    rows = [
        (tr("name"), person.display_name),
        (tr("handle"), person.handle),
        (tr("e-mail"), person.email),
        (tr("zone"), person.time_zone),
        (tr("language"), person.locale),
        (tr("working hours"), shown_hours(person.working_hours)),
        (tr("skills"), ", ".join(person.skills)),
    ]
    print_table("", ["", ""], [row for row in rows if row[1]])
