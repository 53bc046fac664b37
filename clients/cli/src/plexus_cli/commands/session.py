"""Signing in and out."""

import asyncio
import platform
import sys
from typing import Annotated

import typer
from plexus.directory.v1.session_service_pb2 import SignInRequest, SignOutRequest
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub

from plexus_cli.context import asked, run
from plexus_cli.output import print_json, print_table, say
from plexus_cli.problems import Refused
from plexus_cli.profiles import Profile, Profiles
from plexus_cli.sdk import CALL_SECONDS, Plexus, open_channel, token_fields, told


def login(
    name: Annotated[str, typer.Argument(help="Handle to sign in with.")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
    profile: Annotated[
        str | None, typer.Option(help="Name to keep it under; the handle by default.")
    ] = None,
    default: Annotated[bool, typer.Option(help="Make it the default profile.")] = False,
) -> None:
    """Sign in and keep the session in a file only you can read."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _ask()
    url = asked.url or _known_url()
    signed_in = asyncio.run(_sign_in(url, name, password, profile or name))
    Profiles().save(signed_in, default=default)
    say(f"Signed in as {signed_in.handle} (profile {signed_in.name}) at {url}.")


def _ask() -> str:
    if not sys.stdin.isatty():
        raise Refused("Give the password on standard input with --password-stdin.")
    return str(typer.prompt("Password", hide_input=True, err=True))


def _known_url() -> str:
    profiles = Profiles()
    if profiles.names():
        return profiles.find(None).url
    raise Refused("Say where Plexus is: plexus --url HOST:PORT login NAME")


async def _sign_in(url: str, name: str, password: str, profile: str) -> Profile:
    request = SignInRequest(
        handle=name, password=password, device=f"plexus cli on {platform.node()}"
    )
    async with open_channel(url) as channel:
        with told():
            response = await SessionServiceStub(channel).SignIn(request, timeout=CALL_SECONDS)
    return Profile(
        name=profile,
        url=url,
        person_id=response.person.id,
        handle=response.person.handle,
        **token_fields(response.tokens),  # type: ignore[arg-type] # named after the fields
    )


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
