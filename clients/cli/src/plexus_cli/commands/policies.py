"""Attribute policies in Cedar: what they refuse, whatever roles grant."""

from pathlib import Path
from typing import Annotated

import typer
from plexus.directory.v1 import access_service_pb2 as pb
from plexus.directory.v1.access_pb2 import AccessPolicy
from plexus_sdk import Plexus, Refused

from plexus_cli.commands.departments import new_request_id
from plexus_cli.context import run
from plexus_cli.output import as_dict, print_json, print_table, say

app = typer.Typer(no_args_is_help=True, help="Attribute policies: what is refused to whom.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="Name of the policy.")]
RequestId = Annotated[str | None, typer.Option("--id", help="Id for retries.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """List every attribute policy."""

    async def work(plexus: Plexus) -> list[AccessPolicy]:
        request = pb.ListAccessPoliciesRequest()
        found: list[AccessPolicy] = []
        while True:
            page = await plexus.call(plexus.grants.ListAccessPolicies, request)
            found += page.policies
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    found = run(work)
    if json:
        print_json([as_dict(policy) for policy in found])
        return
    rows = [
        (policy.name, policy.version, "" if policy.enabled else "off", policy.cedar)
        for policy in found
    ]
    print_table(f"{len(found)} policies", ["name", "version", "", "text"], rows)


@app.command()
def put(
    name: Name,
    file: Annotated[str, typer.Argument(help="File with the policy in Cedar; `-` reads input.")],
    enabled: Annotated[bool, typer.Option(help="Whether it refuses anything yet.")] = True,
    version: Annotated[int, typer.Option(help="Of the one it replaces; 0 for any.")] = 0,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Store a policy under its name, in place of the one there is."""
    cedar = _read(file)

    async def work(plexus: Plexus) -> AccessPolicy:
        request = pb.PutAccessPolicyRequest(
            request_id=request_id or new_request_id(),
            name=name,
            cedar=cedar,
            enabled=enabled,
            expected_version=version,
        )
        return (await plexus.call(plexus.grants.PutAccessPolicy, request)).policy

    policy = run(work)
    if json:
        print_json(as_dict(policy))
    else:
        say(f"{policy.name} is at version {policy.version}.")


@app.command()
def delete(name: Name, request_id: RequestId = None) -> None:
    """Take a policy away."""

    async def work(plexus: Plexus) -> None:
        request = pb.DeleteAccessPolicyRequest(request_id=request_id or new_request_id(), name=name)
        await plexus.call(plexus.grants.DeleteAccessPolicy, request)

    run(work)
    say(f"There is no policy {name} any more.")


def _read(file: str) -> str:
    if file == "-":
        return typer.get_text_stream("stdin", encoding="utf-8").read()
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise Refused(f"{file} cannot be read: {error}") from error
