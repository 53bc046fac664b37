"""Sign-in policy of the company: local accounts, second factors, providers."""

from typing import Annotated

from plexus.directory.v1 import session_service_pb2 as pb
from plexus_sdk import Plexus

from plexus_cli.context import run
from plexus_cli.language import counted, tr
from plexus_cli.options import Argument, BadParameter, Group, Json, Option
from plexus_cli.output import as_dict, print_json, print_table, say
from plexus_cli.texts import read_line

app = Group(help="Sign-in policy and providers of the company.")


@app.command()
def show(json: Json = False) -> None:
    """Show the policy and the providers."""
    found = run(_read)
    if json:
        print_json(as_dict(found))
        return
    policy = found.policy
    say(
        tr(
            "Local accounts: {word}",
            word=tr("yes") if policy.local_accounts else tr("only the first administrator"),
        )
    )
    say(
        tr(
            "Roles that need a second factor: {roles}",
            roles=", ".join(policy.second_factor_role_ids) or tr("none"),
        )
    )
    rows = [(each.id, each.name, each.issuer, each.client_id) for each in found.providers]
    print_table(
        counted(len(rows), "{n} provider", "{n} providers"),
        ["id", "name", "issuer", "client"],
        rows,
    )


@app.command()
def policy(
    local: Annotated[
        bool | None, Option("--local/--no-local", help="Allow local accounts to sign in.")
    ] = None,
    second_factor: Annotated[
        list[str] | None,
        Option(
            help="Id of a role that requires a second factor; can be repeated; `none` for none."
        ),
    ] = None,
) -> None:
    """Set the sign-in policy; options left out stay unchanged."""
    if local is None and not second_factor:
        raise BadParameter(tr("give at least one setting"))

    async def work(plexus: Plexus) -> None:
        wanted = (await _read(plexus)).policy
        if local is not None:
            wanted.local_accounts = local
        if second_factor:
            roles = [role for role in second_factor if role != "none"]
            wanted.ClearField("second_factor_role_ids")
            wanted.second_factor_role_ids.extend(roles)
        request = pb.UpdateSignInPolicyRequest(policy=wanted)
        await plexus.call(plexus.sessions.UpdateSignInPolicy, request)

    run(work)
    say(tr("Set; it holds from the next sign-in or refresh on."))


@app.command()
def provider(
    id_: Annotated[str, Argument(metavar="ID", help="Its short name, such as acme.")],
    issuer: Annotated[str, Option(help="Issuer: https://… as in the discovery document.")] = "",
    client_id: Annotated[str, Option(help="Client id at the provider.")] = "",
    name: Annotated[str, Option(help="Display name; the id by default.")] = "",
    redirect: Annotated[
        list[str] | None,
        Option(help="Redirect address; http://127.0.0.1/callback for this command."),
    ] = None,
    subject_claim: Annotated[str, Option(help="Claim that identifies people.")] = "",
    email_domain: Annotated[
        list[str] | None,
        Option(help="Also link people once by a verified address of this domain."),
    ] = None,
    secret_stdin: Annotated[
        bool, Option("--secret-stdin", help="Read the client secret from standard input.")
    ] = False,
    remove: Annotated[bool, Option("--remove", help="Remove the provider.")] = False,
) -> None:
    """Set, change or remove the company's OpenID provider; options left out stay unchanged."""
    secret = read_line() if secret_stdin else ""

    async def work(plexus: Plexus) -> None:
        if remove:
            gone = pb.DeleteOpenIdProviderRequest(provider_id=id_)
            await plexus.call(plexus.sessions.DeleteOpenIdProvider, gone)
            return
        current = (await _read(plexus)).providers
        wanted = next((each for each in current if each.id == id_), pb.OpenIdProvider(id=id_))
        wanted.issuer = issuer or wanted.issuer
        wanted.client_id = client_id or wanted.client_id
        wanted.name = name or wanted.name or id_
        wanted.subject_claim = subject_claim or wanted.subject_claim
        for field, values in (("redirect_uris", redirect), ("email_domains", email_domain)):
            if values:
                wanted.ClearField(field)  # type: ignore[arg-type] # both are its fields
                getattr(wanted, field).extend(values)
        request = pb.PutOpenIdProviderRequest(provider=wanted, client_secret=secret)
        await plexus.call(plexus.sessions.PutOpenIdProvider, request)

    run(work)
    if remove:
        say(tr("{id} is gone; who signed in with it stays signed in.", id=id_))
    else:
        say(tr("Next: plexus login --sso {id}", id=id_))


async def _read(plexus: Plexus) -> pb.GetSignInPolicyResponse:
    return await plexus.call(plexus.sessions.GetSignInPolicy, pb.GetSignInPolicyRequest())
