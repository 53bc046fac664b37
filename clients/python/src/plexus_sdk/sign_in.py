"""Sign-in with a password or with the company's provider, including a second factor."""

import asyncio
import platform
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import parse_qs, urlsplit

from plexus.directory.v1 import session_service_pb2 as pb
from plexus.directory.v1.session_service_pb2_grpc import SessionServiceStub

from plexus_sdk.connection import CALL_SECONDS, answer, open_channel, token_fields
from plexus_sdk.errors import Refused
from plexus_sdk.profiles import Profile

if TYPE_CHECKING:  # the asynchronous stub exists in the type stubs only
    from plexus.directory.v1.session_service_pb2_grpc import SessionServiceAsyncStub

CALLBACK: Final = "/callback"
# Equal to the time for which directory waits for a browser.
BROWSER_SECONDS = 600.0
_MAX_REQUEST = 16 * 1024
_CODE_DIGITS = 6

_Admitted = pb.SignInResponse | pb.CompleteSingleSignOnResponse


def no_code() -> str:
    """Refuse a second factor when no user can enter a code."""
    raise Refused("A second factor is required: give its code.", reason="SECOND_FACTOR_REQUIRED")


def _ignore_enrollment() -> None:
    """Leave the enrollment of a second factor to another client."""


async def with_password(
    url: str,
    *,
    handle: str,
    password: str,
    device: str = "",
    device_key: str = "",
    profile: str = "",
    ask_code: Callable[[], str] = no_code,
    on_enrollment_due: Callable[[], None] = _ignore_enrollment,
) -> Profile:
    """Sign in with a local account.

    Args:
        url: native address of the gateway.
        handle: handle of the person.
        password: password of the person.
        device: name of this client in the list of sessions; default: the host name.
        device_key: key of an earlier sign-in of this person (`Profiles.device_key`); empty for
            none.
        profile: name of the profile; default: the handle.
        ask_code: returns a one-time code or a recovery code if a second factor is required.
        on_enrollment_due: called if a role requires a second factor and there is none yet.

    Returns:
        a profile; store it with `Profiles.save`.

    Raises:
        SignedOut: `SIGN_IN_REFUSED`, the same for every cause.
        Refused: another reason of directory, or one that `ask_code` raises.
    """
    request = pb.SignInRequest(
        handle=handle, password=password, device=device or device_name(), device_key=device_key
    )
    async with open_channel(url) as channel:
        stub = SessionServiceStub(channel)
        response = await answer(stub.SignIn, request, timeout=CALL_SECONDS)
        if _enrollment_due(response):
            on_enrollment_due()
        return await _finished(
            stub, response, ask_code=ask_code, url=url, profile=profile or handle
        )


async def with_provider(
    url: str,
    *,
    provider: str,
    show: Callable[[str], None],
    device: str = "",
    profile: str = "",
    ask_code: Callable[[], str] = no_code,
    on_enrollment_due: Callable[[], None] = _ignore_enrollment,
) -> Profile:
    """Sign in with the company's provider, which redirects a browser to a port of this machine.

    Native clients use the system's browser (RFC 8252), never an embedded one that could read the
    password.

    Args:
        url: native address of the gateway.
        provider: id of the provider.
        show: shows the address that the user opens in a browser.
        device: see `with_password`.
        profile: see `with_password`.
        ask_code: see `with_password`.
        on_enrollment_due: see `with_password`.

    Raises:
        Refused: the provider or directory refused, or the browser did not return within ten
            minutes.
    """
    async with open_channel(url) as channel, _Listener() as listener:
        stub = SessionServiceStub(channel)
        begun = await answer(
            stub.BeginSingleSignOn,
            pb.BeginSingleSignOnRequest(
                provider_id=provider,
                redirect_uri=listener.address,
                device=device or device_name(),
            ),
            timeout=CALL_SECONDS,
        )
        show(begun.authorization_url)
        returned = await listener.returned(state=begun.state)
        response = await answer(
            stub.CompleteSingleSignOn,
            pb.CompleteSingleSignOnRequest(
                state=begun.state,
                code=returned["code"],
                issuer=returned.get("iss", ""),
                proof=begun.proof,
            ),
            timeout=CALL_SECONDS,
        )
        if _enrollment_due(response):
            on_enrollment_due()
        return await _finished(stub, response, ask_code=ask_code, url=url, profile=profile)


def device_name() -> str:
    """Return the name of this client in the list of sessions."""
    return f"plexus-sdk on {platform.node()}"


def _enrollment_due(response: _Admitted) -> bool:
    return response.challenge.enrollment_due and not response.challenge.challenge_id


async def _finished(
    stub: "SessionServiceAsyncStub",
    response: _Admitted,
    *,
    ask_code: Callable[[], str],
    url: str,
    profile: str,
) -> Profile:
    tokens, person, device_key = response.tokens, response.person, response.device_key
    if response.challenge.challenge_id:
        answered = await _answered(stub, response.challenge, code=ask_code())
        tokens, person, device_key = answered.tokens, answered.person, answered.device_key
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
    request = pb.CompleteSignInRequest(challenge_id=challenge.challenge_id)
    typed = "".join(code.split())
    if typed.isdecimal() and len(typed) == _CODE_DIGITS:
        request.totp_code = typed
    else:
        request.recovery_code = code
    return await answer(stub.CompleteSignIn, request, timeout=CALL_SECONDS)


class _Listener:
    """A loopback port that receives the redirect of the browser once."""

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
        """Address to which the provider redirects the browser."""
        port: int = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}{CALLBACK}"

    async def returned(self, *, state: str) -> dict[str, str]:
        """Wait for the browser; return the parameters of its request.

        Raises:
            Refused: the provider refused, the response belongs to another attempt, or the browser
                did not return.
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
            # Not the expected request; the browser may still return.
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
