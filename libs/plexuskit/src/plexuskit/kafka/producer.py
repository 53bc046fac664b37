"""Idempotent producer that routes by key and rebuilds itself after failures.

Keys must route, so records go to `AIOKafkaProducer.send` one by one and the client batches them per
partition; FastStream's `publish_batch` puts everything on one random partition. An idempotent
client retries for ever, so every batch has a deadline. After any failure the client is discarded
with its pending records: a batch behind a failed one would leave a gap in its sequence numbers, and
a late retry would come after newer records. The caller repeats the whole batch, so a record may be
duplicated, but never out of the order of its batch within a partition.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from plexuskit.config import KafkaSection
from plexuskit.kafka.names import topic_name
from plexuskit.kafka.provision import MAX_FACT_BYTES
from plexuskit.kafka.refusals import KafkaUnavailable, RecordTooLarge
from plexuskit.kafka.security import security

log = structlog.get_logger()

Outgoing = tuple[str, str, bytes, Mapping[str, bytes]]
"""Topic (the catalogue's name), key, value, headers."""

_REQUEST_TIMEOUT_MS = 10_000
_BATCH_BYTES = 512 * 1024  # per partition and request; below every topic's limit


class Producer:
    """Sends batches of records and waits until all in-sync replicas acknowledge them.

    May be used by several tasks at once; records of one batch keep their order per partition.
    """

    def __init__(
        self,
        section: KafkaSection,
        *,
        max_bytes: int,
        within: timedelta,
        durable: bool = True,
    ) -> None:
        self._section = section
        self._durable = durable
        self._max_bytes = max_bytes
        self._within = within
        self._client: AIOKafkaProducer | None = None
        self._building = asyncio.Lock()

    async def send_batch(self, records: Sequence[Outgoing]) -> None:
        """Send the records in order and return when all of them are acknowledged.

        Args:
            records: `(topic, key, value, headers)`, topics without prefix. The key chooses the
                partition; an empty key is sent as none.

        Raises:
            RecordTooLarge: One of them is larger than topics take, measured here, where nothing was
                sent, or by the broker, where others of the batch may have arrived.
            KafkaUnavailable: Not all were acknowledged in time; any of them may have arrived. Send
                the whole batch again.
        """
        if not records:
            return
        self._check_sizes(records)

        client: AIOKafkaProducer | None = None
        try:
            async with asyncio.timeout(self._within.total_seconds()):
                client = await self._ready()
                await self._deliver(client, records)
        except MessageSizeTooLargeError as error:
            await self._discard(client, error)
            topic, key, value, _ = max(records, key=lambda each: len(each[2]))
            raise RecordTooLarge(
                topic=topic, key=key, bytes=len(value), limit="the broker's"
            ) from error
        except (KafkaError, OSError) as error:
            await self._discard(client, error)
            raise KafkaUnavailable(doing="send", error=type(error).__name__) from error

    async def close(self) -> None:
        """Close the connection; records without a waiting caller are not sent."""
        client, self._client = self._client, None
        if client is not None:
            await _abandon(client, KafkaError("closed"))

    def _check_sizes(self, records: Sequence[Outgoing]) -> None:
        for record in records:
            size = size_of(record)
            if size > self._max_bytes:
                topic, key, _, _ = record
                raise RecordTooLarge(topic=topic, key=key, bytes=size, limit=self._max_bytes)

    async def _deliver(self, client: AIOKafkaProducer, records: Sequence[Outgoing]) -> None:
        acknowledgements: list[asyncio.Future[object]] = []
        try:
            for topic, key, value, headers in records:
                acknowledgement = await client.send(
                    topic_name(self._section, topic),
                    value=value,
                    key=key.encode(errors="surrogateescape") or None,
                    headers=list(headers.items()),
                )
                acknowledgements.append(acknowledgement)
            # `wait` and not `gather`: a deadline must not cancel the client's running work
            await asyncio.wait(acknowledgements, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for acknowledgement in acknowledgements:
                acknowledgement.add_done_callback(_look_at)

        for acknowledgement in acknowledgements:
            if acknowledgement.done():
                acknowledgement.result()

    async def _ready(self) -> AIOKafkaProducer:
        async with self._building:
            if self._client is None:
                client = self._build()
                try:
                    await client.start()
                except BaseException:
                    await client.stop()
                    raise
                self._client = client
            return self._client

    def _build(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            bootstrap_servers=self._section.url,
            acks="all" if self._durable else 1,
            enable_idempotence=self._durable,
            max_batch_size=_BATCH_BYTES,
            max_request_size=self._max_bytes + 4096,
            request_timeout_ms=_REQUEST_TIMEOUT_MS,
            **security(self._section),
        )

    async def _discard(self, client: AIOKafkaProducer | None, reason: BaseException) -> None:
        if client is None or client is not self._client:
            return  # never connected, or another batch saw the failure first
        self._client = None
        log.warning("kafka.producer.discarded", error=type(reason).__name__)
        await _abandon(client, reason)


def size_of(record: Outgoing) -> int:
    """Return the number of a record's bytes that count for the limit: key, value and headers."""
    _, key, value, headers = record
    size = len(key) + len(value)
    if headers:
        size += sum(len(name) + len(text) for name, text in headers.items())
    return size


def _look_at(acknowledgement: asyncio.Future[object]) -> None:
    """Retrieve a failure without a waiting caller, so that asyncio does not report it as lost."""
    if not acknowledgement.cancelled():
        acknowledgement.exception()


async def _abandon(client: AIOKafkaProducer, reason: BaseException) -> None:
    """Close `client` without sending its pending records.

    Its own `stop` first delivers everything, which never ends while Kafka is away; giving that up
    half-way leaves a task behind that would send old records whenever Kafka returns.
    """
    sender = client._sender.sender_task  # noqa: SLF001 - no public way to stop without sending
    if sender is not None:
        sender.cancel()
    await client.client.close()
    while sender is not None and not sender.done():
        # A request cut off by the closing asks for new metadata and waits for it, but nothing will
        # deliver it any more.
        metadata = client.client._md_update_fut  # noqa: SLF001 - as above
        if metadata is not None and not metadata.done():
            metadata.set_result(False)
        await asyncio.wait([sender], timeout=0.02)
    client._message_accumulator.fail_all(KafkaError(repr(reason)))  # noqa: SLF001 - as above
    await client.stop()


@asynccontextmanager
async def producer(
    section: KafkaSection,
    *,
    max_bytes: int = MAX_FACT_BYTES,
    within: timedelta = timedelta(seconds=15),
    durable: bool = True,
) -> AsyncIterator[Producer]:
    """Provide a producer for the time of the block; it connects with its first batch.

    Args:
        section: Address of Kafka and prefix of names.
        max_bytes: Largest record (key, value and headers) that it accepts.
        within: Time after which a batch counts as failed.
        durable: False: acknowledged by the leader alone (acks=1), for records that may be lost.
    """
    sending = Producer(section, max_bytes=max_bytes, within=within, durable=durable)
    try:
        yield sending
    finally:
        await sending.close()
