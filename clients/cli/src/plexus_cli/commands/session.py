"""Sign-in and sign-out."""

import asyncio
import platform
import sys
from functools import partial
from typing import Annotated

from plexus.directory.v1.people_pb2 import Person
from plexus.directory.v1.session_service_pb2 import SignOutRequest
from plexus_sdk import Plexus, Profiles, Refused, sign_in

from plexus_cli.asked import asked
from plexus_cli.context import me, run
from plexus_cli.language import tr
from plexus_cli.options import Argument, BadParameter, Json, Option
from plexus_cli.output import as_dict, mention_aside, print_json, print_table, say, warn
from plexus_cli.prompts import answer, password


def login(
    name: Annotated[str, Argument(help="Handle to sign in with.")] = "",
    password_stdin: Annotated[
        bool, Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    code: Annotated[str, Option(help="Code of your app, or a recovery code, if required.")] = "",
    sso: Annotated[
        str, Option(metavar="PROVIDER", help="Sign in with the company's provider instead.")
    ] = "",
    profile: Annotated[
        str | None, Option(help="Name of the profile; the handle by default.")
    ] = None,
    default: Annotated[bool, Option(help="Make it the default profile.")] = False,
) -> None:
    """Sign in; the session is stored in a file that only you can read."""
    if bool(name) == bool(sso):
        raise BadParameter(tr("give a handle, or a provider with --sso"))
    url = asked.url or _known_url()
    signed_in = asyncio.run(
        sign_in.with_provider(
            url,
            provider=sso,
            show=_show,
            device=device(),
            profile=profile or "",
            ask_code=partial(_code, code),
            on_enrollment_due=_warn_of_enrollment,
        )
        if sso
        else sign_in.with_password(
            url,
            handle=name,
            password=password(from_stdin=password_stdin),
            device=device(),
            device_key=Profiles().device_key(url, name),
            profile=profile or "",
            ask_code=partial(_code, code),
            on_enrollment_due=_warn_of_enrollment,
        )
    )
    Profiles().save(signed_in, default=default)
    say(
        tr(
            "Signed in as {handle} (profile {name}) at {url}.",
            handle=signed_in.handle,
            name=signed_in.name,
            url=url,
        )
    )


def device() -> str:
    """Return the name of this client in the list of sessions."""
    return f"plexus cli on {platform.node()}"


def _code(given: str) -> str:
    """Return the code of a second factor: the given one, or the user's input."""
    if given:
        return given
    if not sys.stdin.isatty():
        raise Refused(tr("A second factor is due: give it with --code CODE."))
    return answer("Code of your app, or a recovery code")


def _warn_of_enrollment() -> None:
    warn(tr("A role of yours needs a second factor: set it up with `plexus second-factor totp`."))


def _show(url: str) -> None:
    mention_aside(tr("Open this address in a browser; waiting for it to come back:"))
    say(url)


def _known_url() -> str:
    profiles = Profiles()
    if profiles.names():
        return profiles.find(None).url
    raise Refused(tr("Say where Plexus is: plexus --url HOST:PORT login NAME"))


def logout() -> None:
    """Sign out and delete the stored session."""

    async def work(plexus: Plexus) -> str:
        await plexus.call(plexus.sessions.SignOut, SignOutRequest())
        return plexus.profile.name

    name = run(work)
    Profiles().forget(name)
    say(tr("Signed out of {name}.", name=name))


def whoami(json: Json = False) -> None:
    """Show your account, the server, and the time zone of all times."""

    async def work(plexus: Plexus) -> tuple[Person, str, str]:
        return await me(plexus), plexus.profile.name, plexus.profile.url

    person, profile, url = run(work)
    if json:
        print_json({"profile": profile, "url": url, "person": as_dict(person)})
        return
    rows = [
        (tr("name"), person.display_name),
        (tr("handle"), person.handle),
        (tr("profile"), profile),
        (tr("address"), url),
        (tr("zone"), person.time_zone),
        (tr("language"), person.locale),
    ]
    print_table("", ["", ""], rows)


def profiles(json: Json = False) -> None:
    """List the profiles signed in on this machine, the default first."""
    stored = Profiles()
    found = [stored.find(name) for name in stored.names()]
    if json:
        print_json([{"name": p.name, "handle": p.handle, "url": p.url} for p in found])
        return
    print_table(
        tr("Profiles"), ["name", "handle", "address"], [(p.name, p.handle, p.url) for p in found]
    )
