"""Attribute policies in Cedar, which forbid calls that roles would allow."""

from pathlib import Path
from typing import Annotated

from plexus.directory.v1 import access_service_pb2 as pb
from plexus.directory.v1.access_pb2 import AccessPolicy
from plexus_sdk import Plexus

from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.lookups.requests import RequestId, new_request_id
from plexus_cli.options import Argument, Group, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say
from plexus_cli.texts import read_file, read_input

app = Group(help="Attribute policies, which refuse calls.")

Name = Annotated[str, Argument(help="Name of the policy.")]


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
        (policy.name, policy.version, "" if policy.enabled else tr("off"), policy.cedar)
        for policy in found
    ]
    print_table(
        counted(len(found), "{n} policy", "{n} policies"), ["name", "version", "", "text"], rows
    )


@app.command("update")
@app.command()
def create(
    name: Name,
    file: Annotated[str, Argument(help="File with the policy in Cedar; `-` reads input.")],
    enabled: Annotated[bool, Option(help="Enforce the policy.")] = True,
    version: Annotated[int, Option(help="Expected version of the replaced policy; 0 for any.")] = 0,
    request_id: RequestId = None,
    json: Json = False,
) -> None:
    """Create a policy, or replace the one of the same name."""
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
        say(tr("{name} is at version {version}.", name=policy.name, version=policy.version))


@app.command()
def delete(name: Name, request_id: RequestId = None) -> None:
    """Delete a policy."""

    async def work(plexus: Plexus) -> None:
        request = pb.DeleteAccessPolicyRequest(request_id=request_id or new_request_id(), name=name)
        await plexus.call(plexus.grants.DeleteAccessPolicy, request)

    run(work)
    say(tr("There is no policy {name} any more.", name=name))


def _read(file: str) -> str:
    return read_input() if file == "-" else read_file(Path(file))
