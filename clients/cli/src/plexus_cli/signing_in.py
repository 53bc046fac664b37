"""From a password or a provider's word to a session: the questions in between are answered here."""

import asyncio
import platform
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit

import typer
from plexus.directory.v1 import session_service_pb2 as pb
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub

from plexus_cli.output import warn
from plexus_cli.problems import Refused
from plexus_cli.profiles import Profile
from plexus_cli.sdk import CALL_SECONDS, open_channel, token_fields, told

if TYPE_CHECKING:  # the asynchronous stub is a name of the types only
    from plexus.directory.v1.session_service_pb2_grpc import SessionServiceAsyncStub

CALLBACK = "/callback"
# As long as directory waits for a browser.
BROWSER_SECONDS = 600.0
_MAX_REQUEST = 16 * 1024
_CODE_DIGITS = 6

Admitted = pb.SignInResponse | pb.CompleteSingleSignOnResponse


async def with_password(
    url: str, *, handle: str, password: str, device_key: str, code: str, profile: str
) -> Profile:
    """Sign in with a local account.

    Args:
        url: of the gateway.
        handle: of the person.
        password: theirs.
        device_key: of an earlier sign-in; empty for none.
        code: for the second factor; empty to be asked for it.
        profile: name of the profile; empty for the handle.

    Raises:
        Refused: the reason as directory gave it, or a code is due and there is nobody to ask.
    """
    request = pb.SignInRequest(
        handle=handle, password=password, device=device(), device_key=device_key
    )
    async with open_channel(url) as channel:
        stub = SessionServiceStub(channel)
        with told():
            response = await stub.SignIn(request, timeout=CALL_SECONDS)
        return await _finished(stub, response, code=code, url=url, profile=profile or handle)


async def with_provider(
    url: str, *, provider: str, code: str, profile: str, shown: Callable[[str], None]
) -> Profile:
    """Sign in with the company's provider: a browser comes back to a port of this machine.

    In: what shows the address to open. Native clients do it so by RFC 8252: the system's browser,
    never a window of our own that could read the password.

    Raises:
        Refused: the provider or directory refused, or nobody came back within ten minutes.
    """
    async with open_channel(url) as channel, _Listener() as listener:
        stub = SessionServiceStub(channel)
        with told():
            begun = await stub.BeginSingleSignOn(
                pb.BeginSingleSignOnRequest(
                    provider_id=provider, redirect_uri=listener.address, device=device()
                ),
                timeout=CALL_SECONDS,
            )
        shown(begun.authorization_url)
        returned = await listener.returned(state=begun.state)
        with told():
            response = await stub.CompleteSingleSignOn(
                pb.CompleteSingleSignOnRequest(
                    state=begun.state,
                    code=returned["code"],
                    issuer=returned.get("iss", ""),
                    proof=begun.proof,
                ),
                timeout=CALL_SECONDS,
            )
        return await _finished(stub, response, code=code, url=url, profile=profile)


def device() -> str:
    """Name this client in the list of sessions."""
    return f"plexus cli on {platform.node()}"


async def _finished(
    stub: "SessionServiceAsyncStub", response: Admitted, *, code: str, url: str, profile: str
) -> Profile:
    tokens, person, device_key = response.tokens, response.person, response.device_key
    if response.challenge.challenge_id:
        answered = await _answered(stub, response.challenge, code=code)
        tokens, person, device_key = answered.tokens, answered.person, answered.device_key
    elif response.challenge.enrollment_due:
        warn("A role of yours needs a second factor: set it up with `plexus second-factor totp`.")
    return Profile(
        name=profile or person.handle,
        url=url,
        person_id=person.id,
        handle=person.handle,
        device_key=device_key,
        **token_fields(tokens),  # type: ignore[arg-type] # named after the fields
    )


async def _answered(
    stub: "SessionServiceAsyncStub", challenge: pb.SecondFactorChallenge, *, code: str
) -> pb.CompleteSignInResponse:
    if not code:
        if not sys.stdin.isatty():
            raise Refused("A second factor is due: give it with --code CODE.")
        code = str(typer.prompt("Code of your app, or a recovery code", err=True))
    request = pb.CompleteSignInRequest(challenge_id=challenge.challenge_id)
    typed = "".join(code.split())
    if typed.isdecimal() and len(typed) == _CODE_DIGITS:
        request.totp_code = typed
    else:
        request.recovery_code = code
    with told():
        return await stub.CompleteSignIn(request, timeout=CALL_SECONDS)


class _Listener:
    """A port of the loopback address to which the browser comes back once."""

    def __init__(self) -> None:
        self._found: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MAX_REQUEST)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    @property
    def address(self) -> str:
        """Where the browser is to come back."""
        port: int = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}{CALLBACK}"

    async def returned(self, *, state: str) -> dict[str, str]:
        """Wait for the browser; out: what it brought.

        Raises:
            Refused: the provider refused, it brought another attempt's answer, or it did not come.
        """
        try:
            async with asyncio.timeout(BROWSER_SECONDS):
                found = await self._found
        except TimeoutError:
            raise Refused("Nobody came back from the browser; try again.") from None
        if found.get("state") != state:
            raise Refused("The browser brought the answer to another attempt; try again.")
        if "code" not in found:
            raise Refused(f"The provider refused: {found.get('error', 'no reason given')}")
        return found

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = (await reader.readline()).decode("latin-1").split(" ")
            target = urlsplit(line[1]) if line[0] == "GET" and len(line) > 1 else None
            known = target is not None and target.path == CALLBACK
            if target is not None and known and not self._found.done():
                query = parse_qs(target.query)
                self._found.set_result({name: values[0] for name, values in query.items()})
            writer.write(_PAGE if known else _NOT_FOUND)
            await writer.drain()
        except (ValueError, ConnectionError):
            # Not a browser that comes back; the one that is waited for may still.
            return
        finally:
            writer.close()


def _response(status: str, body: str) -> bytes:
    content = body.encode()
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\n"
        f"content-length: {len(content)}\r\ncache-control: no-store\r\n"
        "referrer-policy: no-referrer\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + content


_PAGE = _response("200 OK", "<!doctype html><p>登录已完成。You may close this page.")
_NOT_FOUND = _response("404 Not Found", "")
