"""Signing in and out."""

import asyncio
import platform
import sys
from functools import partial
from typing import Annotated

import typer
from plexus.directory.v1.session_service_pb2 import SignOutRequest
from plexus_sdk import Plexus, Profiles, Refused, sign_in

from plexus_cli.context import asked, run
from plexus_cli.output import mention_aside, print_json, print_table, say, warn


def login(
    name: Annotated[str, typer.Argument(help="Handle to sign in with.")] = "",
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    code: Annotated[
        str, typer.Option(help="Code of your app, or a recovery code, if one is due.")
    ] = "",
    sso: Annotated[
        str, typer.Option(metavar="PROVIDER", help="Sign in with the company's provider instead.")
    ] = "",
    profile: Annotated[
        str | None, typer.Option(help="Name to keep it under; the handle by default.")
    ] = None,
    default: Annotated[bool, typer.Option(help="Make it the default profile.")] = False,
) -> None:
    """Sign in and keep the session in a file only you can read."""
    if bool(name) == bool(sso):
        raise typer.BadParameter("give a handle, or a provider with --sso")
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
    say(f"Signed in as {signed_in.handle} (profile {signed_in.name}) at {url}.")


def password(*, from_stdin: bool) -> str:
    """Read a password, from standard input or where nobody sees it.

    Raises:
        Refused: it is not to come from standard input, and there is no terminal.
    """
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Refused("Give the password on standard input with --password-stdin.")
    return str(typer.prompt("Password", hide_input=True, err=True))


def device() -> str:
    """Return the name of this client in the list of sessions."""
    return f"plexus cli on {platform.node()}"


def _code(given: str) -> str:
    """Return the code of a second factor, which the user is asked for unless it is given."""
    if given:
        return given
    if not sys.stdin.isatty():
        raise Refused("A second factor is due: give it with --code CODE.")
    return str(typer.prompt("Code of your app, or a recovery code", err=True))


def _warn_of_enrollment() -> None:
    warn("A role of yours needs a second factor: set it up with `plexus second-factor totp`.")


def _show(url: str) -> None:
    mention_aside("Open this address in a browser; waiting for it to come back:")
    say(url)


def _known_url() -> str:
    profiles = Profiles()
    if profiles.names():
        return profiles.find(None).url
    raise Refused("Say where Plexus is: plexus --url HOST:PORT login NAME")


def logout() -> None:
    """End the session and forget it."""

    async def work(plexus: Plexus) -> str:
        await plexus.call(plexus.sessions.SignOut, SignOutRequest())
        return plexus.profile.name

    name = run(work)
    Profiles().forget(name)
    say(f"Signed out of {name}.")


def profiles(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List who is signed in on this machine, the default first."""
    stored = Profiles()
    found = [stored.find(name) for name in stored.names()]
    if json:
        print_json([{"name": p.name, "handle": p.handle, "url": p.url} for p in found])
        return
    print_table(
        "Profiles", ["name", "handle", "address"], [(p.name, p.handle, p.url) for p in found]
    )
