"""Contents of all stores of a platform, and the message texts in them."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from bson import BSON
from messaging.log.domain.entries import EntryKind
from opensearchpy import AsyncOpenSearch
from opensearchpy.helpers import async_scan
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.messaging.v1.events_pb2 import MessagePosted
from plexuskit.kafka.clients import admin
from plexuskit.kafka.security import security
from pymongo import AsyncMongoClient

from plexus_testkit.conversation_log import DATABASE
from plexus_testkit.harness import Platform

# A text of that length, with something random in it, does not occur in a log by itself.
LONG: Final = 24
MAX_TEXTS: Final = 400
_RANDOM: Final = re.compile(r"[0-9a-f]{8}")
_INTERNAL: Final = frozenset({"admin", "config", "local"})


async def texts(platform: Platform) -> list[str]:
    """Return a sample of message texts."""
    connected: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(platform.mongo_url)
    async with connected as client:
        posted = client[DATABASE]["entries"].find({"kind": EntryKind.POSTED.value}, {"event": 1})
        found = {
            _text(entry["event"])
            async for entry in posted.sort("stored_at", -1).limit(20 * MAX_TEXTS)
        }
    return sorted(text for text in found if len(text) >= LONG and _RANDOM.search(text))[:MAX_TEXTS]


async def stored(platform: Platform) -> AsyncIterator[tuple[str, bytes]]:
    """Yield every document and record of every store, with its place."""
    connected: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(platform.mongo_url)
    async with connected as client:
        for name in await client.list_database_names():
            if name in _INTERNAL:
                continue
            for collection in await client[name].list_collection_names():
                place = f"MongoDB {name.removeprefix('plexus_')}.{collection}"
                async for document in client[name][collection].find({}):
                    yield place, BSON.encode(document)
    async with AsyncOpenSearch(platform.urls.opensearch) as client:
        async for hit in async_scan(client, index="*"):
            place = f"OpenSearch {hit['_index']}"
            yield place, json.dumps(hit["_source"], ensure_ascii=False).encode()
    async with admin(platform.kafka) as client:
        topics = [name for name in await client.list_topics() if not name.startswith("__")]
    consumer = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=platform.kafka.url,
        auto_offset_reset="earliest",
        **security(platform.kafka),
    )
    async with consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(part) < end for part, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    yield f"Kafka {record.topic}", (record.key or b"") + (record.value or b"")


def _text(event: bytes) -> str:
    return MessagePosted.FromString(Envelope.FromString(event).fact).message.text
