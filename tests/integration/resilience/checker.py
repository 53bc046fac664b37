"""Invariants of a conversation, whatever processes or servers were killed, paused or absent."""

import asyncio
import http.client
import json
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from plexus.notify.v1.notify_service_pb2 import ListNotificationsRequest
from plexus_testkit.conversation_log import Stored, checked, entries_of
from plexus_testkit.wait import eventually

CAUGHT_UP_WITHIN = 60.0


class Checker:
    """Compares acknowledged messages with those stored, indexed, notified and delivered."""

    def __init__(self, platform) -> None:
        self._platform = platform

    async def log_of(self, conversation_id: str) -> list[Stored]:
        """Read the stored log and check that its numbers have no gap (MSG-1, MSG-3)."""
        return checked(await self.entries_of(conversation_id))

    async def events_of(self, conversation_id: str) -> list[bytes]:
        """Return the facts of a conversation as the relay publishes them."""
        return [bytes(entry["event"]) for entry in await self.entries_of(conversation_id)]

    async def entries_of(self, conversation_id: str) -> list[dict]:
        """Read a conversation's log as it is stored."""
        (entries,) = await entries_of(self._platform.mongo_url, conversation_id)
        return entries

    async def kept(self, conversation_id: str, clients: Iterable) -> list[Stored]:
        """Check that every acknowledged message is stored with its number and its text."""
        stored = await self.log_of(conversation_id)
        by_request = {(each.sender_id, each.request_id): each for each in stored}
        for client in clients:
            for (conversation, request_id), told in client.acknowledged.items():
                if conversation != conversation_id:
                    continue
                found = by_request[client.person_id, request_id]
                assert (found.seq, found.message_id) == (told.seq, told.message_id)
                assert found.text == client.said[conversation, request_id]
        return stored

    async def delivered(
        self,
        conversation_id: str,
        listeners: Iterable,
        *,
        seqs: Sequence[int],
        within: float = CAUGHT_UP_WITHIN,
    ) -> None:
        """Check that each listener received exactly these messages, in this order, each once."""
        wanted = list(seqs)
        for listener in listeners:
            heard = listener.of(conversation_id)
            await eventually(lambda heard=heard: len(heard.seqs) >= len(wanted), within=within)
            assert heard.seqs == wanted, heard.seqs
            assert not listener.after_closing
            last: dict[tuple[int, str], int] = {}
            for stream, conversation, change_no in listener.live:
                before = last.get((stream, conversation), 0)
                assert change_no > before, f"{change_no} of {conversation} came after {before}"
                last[stream, conversation] = change_no

    async def indexed(
        self, conversation_id: str, *, seqs: Sequence[int], within: float = CAUGHT_UP_WITHIN
    ) -> None:
        """Check that the index holds exactly these messages."""
        found: list[int] = []

        async def complete() -> bool:
            found[:] = await asyncio.to_thread(self._seqs_of_index, conversation_id)
            return len(found) >= len(seqs)

        await eventually(complete, within=within, every=0.25)
        assert sorted(found) == list(seqs)

    async def notified(
        self, plexus, conversation_id: str, *, seqs: Sequence[int], within: float = CAUGHT_UP_WITHIN
    ) -> None:
        """Check that this person has exactly one notification for each of these messages."""
        found: list[int] = []

        async def complete() -> bool:
            found[:] = await _notified(plexus, conversation_id)
            return len(found) >= len(seqs)

        await eventually(complete, within=within, every=0.25)
        assert sorted(found) == list(seqs)

    def _seqs_of_index(self, conversation_id: str) -> list[int]:
        wanted = {
            "size": 10_000,
            "_source": ["seq"],
            "query": {"term": {"conversation_id": conversation_id}},
        }
        self.opensearch("POST", "/plexus-messages/_refresh")
        answer = self.opensearch("POST", "/plexus-messages/_search", wanted)
        return [hit["_source"]["seq"] for hit in answer["hits"]["hits"]]

    def opensearch(self, method: str, path: str, body: object = None) -> dict:
        """Call OpenSearch directly."""
        connection = http.client.HTTPConnection(
            urlsplit(self._platform.urls.opensearch).netloc, timeout=10
        )
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        assert answer.status == http.HTTPStatus.OK, text
        return json.loads(text)


async def _notified(plexus, conversation_id: str) -> list[int]:
    seqs, token = [], ""
    while True:
        request = ListNotificationsRequest(page_size=200, page_token=token)
        response = await plexus.call(plexus.notify.ListNotifications, request)
        seqs += [
            each.source.seq
            for each in response.notifications
            if each.source.kind == "message" and each.source.conversation_id == conversation_id
        ]
        token = response.next_page_token
        if not token:
            return seqs
