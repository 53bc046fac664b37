"""Modules: parts of the product that a company can disable, or enable in some departments first."""

from typing import Annotated

from plexus.directory.v1 import access_service_pb2 as pb
from plexus.directory.v1.access_pb2 import Module
from plexus_sdk import Plexus

from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.lookups import departments
from plexus_cli.lookups.requests import RequestId, new_request_id
from plexus_cli.options import Argument, Group, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say

app = Group(help="Modules of the product, enabled or disabled.")

Which = Annotated[str, Argument(help="messaging, notify, search or tasks.")]
Exceptions = Annotated[
    list[str] | None,
    Option("--except", help="Excepted department, with those below it."),
]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the modules, and whether each is enabled for you."""

    async def work(plexus: Plexus) -> tuple[pb.ListModulesResponse, dict[str, str]]:
        response = await plexus.call(plexus.grants.ListModules, pb.ListModulesRequest())
        names: dict[str, str] = {}
        if any(module.except_department_ids for module in response.modules) and not json:
            found = await departments.all_departments(plexus, closed=True)
            names = {each.id: each.name for each in found}
        return response, names

    response, names = run(work)
    if json:
        print_json(as_dict(response))
        return
    rows = [
        (
            module.name,
            tr("on") if module.enabled else tr("off"),
            ", ".join(names.get(id_, id_) for id_ in module.except_department_ids),
            tr("yes") if module.name in response.on else tr("no"),
        )
        for module in response.modules
    ]
    print_table(tr("Modules"), ["name", "", "except", "for you"], rows)


@app.command()
def on(
    module: Which, except_: Exceptions = None, request_id: RequestId = None, json: Json = False
) -> None:
    """Enable a module, except for the given departments."""
    _switch(module, enabled=True, exceptions=except_ or [], request_id=request_id, json=json)


@app.command()
def off(
    module: Which, except_: Exceptions = None, request_id: RequestId = None, json: Json = False
) -> None:
    """Disable a module, except for the given departments, as in a pilot."""
    _switch(module, enabled=False, exceptions=except_ or [], request_id=request_id, json=json)


def _switch(
    name: str, *, enabled: bool, exceptions: list[str], request_id: str | None, json: bool
) -> None:
    async def work(plexus: Plexus) -> Module:
        request = pb.SetModuleRequest(
            request_id=request_id or new_request_id(),
            name=name,
            enabled=enabled,
            except_department_ids=[
                (await departments.find(plexus, each)).id for each in exceptions
            ],
        )
        return (await plexus.call(plexus.grants.SetModule, request)).module

    module = run(work)
    if json:
        print_json(as_dict(module))
        return
    say(
        tr("{name} is on.", name=module.name)
        if module.enabled
        else tr("{name} is off.", name=module.name)
    )
    excepted = len(module.except_department_ids)
    if excepted:
        say(counted(excepted, "Except for {n} department.", "Except for {n} departments."))
