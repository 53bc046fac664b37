"""Matrix client on loopback: accounts, rooms, sends, and a continuous sync per person."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from plexus_bench.system import NotStored, OnMessage, ref_of

CLIENT: Final = "/_matrix/client/v3"
MESSAGE: Final = "m.room.message"
POLL_MILLISECONDS: Final = 30_000
ANSWER_SECONDS: Final = 60.0
OK: Final = 200


class MatrixRefused(Exception):  # noqa: N818 - names the fact, like a refusal
    """The server answered a request with a status other than 200."""


class SyncGap(Exception):  # noqa: N818 - names the fact, like a refusal
    """A sync omitted messages, because too many had arrived since the previous one."""


class MatrixApi:
    """Requests to one server, on as many connections as necessary."""

    def __init__(self, *, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS + POLL_MILLISECONDS / 1000),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    async def serves(self) -> bool:
        """Return whether the server responds."""
        try:
            await self.request("GET", "/_matrix/client/versions")
        except (aiohttp.ClientConnectionError, MatrixRefused):
            return False
        return True

    async def register(self, *, name: str, password: str) -> str:
        """Create an account and return its access token."""
        told = {"username": name, "password": password, "auth": {"type": "m.login.dummy"}}
        return str((await self.request("POST", f"{CLIENT}/register", told=told))["access_token"])

    async def create_room(self, *, token: str, told: Mapping[str, Any]) -> str:
        """Create a room as the owner of the token, and return its id."""
        made = await self.request("POST", f"{CLIENT}/createRoom", token=token, told=told)
        return str(made["room_id"])

    async def join(self, *, token: str, room: str) -> None:
        """Let the owner of the token join a room that is open to them."""
        path = f"{CLIENT}/rooms/{quote(room)}/join"
        await self.request("POST", path, token=token, told={})

    async def request(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        told: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Make one request and return the server's answer.

        Raises:
            MatrixRefused: The status is not 200.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._http.request(
            method, f"{self._base}{path}", headers=headers, json=told, params=query
        ) as answer:
            if answer.status != OK:
                said = (await answer.text())[:300]
                raise MatrixRefused(f"{method} {path}: {answer.status} {said}")
            answered: Mapping[str, Any] = await answer.json()
            return answered


def deaf(conversation: str, ref: str, number: int) -> None:
    """Ignore a delivery that arrives before the shape has set its callback."""


class MatrixSession:
    """One person's session with a continuous sync.

    Attributes:
        person: Full Matrix id.
        on_message: Set by the shape.
    """

    def __init__(self, *, api: MatrixApi, person: str, token: str, timeline_limit: int) -> None:
        self.person = person
        self.on_message: OnMessage = deaf
        self._api = api
        self._token = token
        self._timeline_limit = timeline_limit
        self._following: asyncio.Task[None]

    async def open(self) -> None:
        """Fetch the current state and sync from there."""
        nothing: Mapping[str, Any] = {"types": []}
        told = {
            "presence": nothing,
            "account_data": nothing,
            "room": {
                "timeline": {"limit": self._timeline_limit},
                "state": nothing,
                "ephemeral": nothing,
                "account_data": nothing,
            },
        }
        path = f"{CLIENT}/user/{quote(self.person)}/filter"
        made = await self._api.request("POST", path, token=self._token, told=told)
        chosen = str(made["filter_id"])
        first = json.dumps({"room": {"timeline": {"limit": 1}, "state": nothing}})
        now = await self._sync({"filter": first, "timeout": "0"})
        following = self._follow(filter_id=chosen, since=str(now["next_batch"]))
        self._following = asyncio.create_task(following, name=f"sync of {self.person}")

    async def send(self, conversation: str, *, ref: str, body: str) -> None:
        """Send a text with its ref as transaction id; the answer means that the event is stored.

        Raises:
            NotStored: The server refused it, did not answer, or the sync has failed.
        """
        if self._following.done():
            raise NotStored(f"{self.person} no longer syncs") from self._following.exception()
        path = f"{CLIENT}/rooms/{quote(conversation)}/send/{MESSAGE}/{quote(ref)}"
        told = {"msgtype": "m.text", "body": body}
        try:
            await self._api.request("PUT", path, token=self._token, told=told)
        except (MatrixRefused, aiohttp.ClientError, TimeoutError) as problem:
            raise NotStored(f"{self.person}: {ref}: {problem!r}") from problem

    async def close(self) -> None:
        """Stop the sync."""
        self._following.cancel()
        await asyncio.wait({self._following})
        if not self._following.cancelled():
            await self._following

    async def _follow(self, *, filter_id: str, since: str) -> None:
        while True:
            query = {"filter": filter_id, "timeout": str(POLL_MILLISECONDS), "since": since}
            answered = await self._sync(query)
            since = str(answered["next_batch"])
            for room, news in answered.get("rooms", {}).get("join", {}).items():
                self._deliver(room, news["timeline"])

    async def _sync(self, query: Mapping[str, str]) -> Mapping[str, Any]:
        return await self._api.request("GET", f"{CLIENT}/sync", token=self._token, query=query)

    def _deliver(self, room: str, timeline: Mapping[str, Any]) -> None:
        if timeline.get("limited"):
            raise SyncGap(f"{self.person} missed messages of {room}")
        for event in timeline["events"]:
            if event["type"] == MESSAGE:
                self.on_message(room, ref_of(event["content"]["body"]), 0)
