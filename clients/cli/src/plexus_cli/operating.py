"""Operators' commands that access the servers directly.

Loads the servers' drivers, so import it only where it is used.
"""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import entry_points
from typing import Any, TypeVar

from plexus_sdk import Refused
from plexuskit.config import KafkaSection
from plexuskit.errors import Refusal
from plexuskit.kafka import (
    DeadLetter,
    RedriveReport,
    ask_to_skip,
    dlq_list,
    dlq_redrive,
    groups_standing_at,
)
from plexuskit.mongo import connect
from plexuskit.mongo.migrate import migrate as carry_out
from plexuskit.mongo.migrate import schema_versions

from plexus_cli.operator import SERVICES, servers

MIGRATIONS = "plexus.migrations"

T = TypeVar("T")


def letters(group: str, limit: int) -> list[dict[str, Any]]:
    """Return the waiting dead letters, oldest first, as JSON values.

    Raises:
        Refused: no such group, or Kafka does not respond.
    """
    return [_letter(letter) for letter in _on_kafka(lambda at: dlq_list(at, group, limit))]


def redrive(group: str, limit: int, *, positions: set[str]) -> RedriveReport:
    """Redrive dead letters: those at the positions, or all if there are none.

    Raises:
        Refused: no such group, or Kafka does not respond.
    """

    def chosen(letter: DeadLetter) -> bool:
        return not positions or _position(letter) in positions

    return _on_kafka(lambda at: dlq_redrive(at, group, limit, only=chosen))


def standing_at(topic: str, partition: int, offset: int) -> list[str]:
    """Return the groups whose next record is the one at an offset.

    Raises:
        Refused: no group is at that offset, no such partition, or Kafka does not respond.
    """
    return _on_kafka(
        lambda at: groups_standing_at(at, topic=topic, partition=partition, offset=offset)
    )


def skip(topic: str, partition: int, offset: int, *, actor: str, reason: str) -> list[str]:
    """Ask the groups that are held at a record to dead-letter it; return their names.

    Raises:
        Refused: no group is held there, no such partition, or Kafka does not respond.
    """
    return _on_kafka(
        lambda at: ask_to_skip(
            at, topic=topic, partition=partition, offset=offset, actor=actor, reason=reason
        )
    )


def _on_kafka(work: Callable[[KafkaSection], Awaitable[T]]) -> T:
    section = servers().kafka_section()

    async def run() -> T:
        return await work(section)

    try:
        return asyncio.run(run())
    except Refusal as refusal:
        raise Refused(refusal.message(), reason=refusal.reason) from refusal


def _position(letter: DeadLetter) -> str:
    return f"{letter.position[0]}:{letter.position[1]}"


def _letter(letter: DeadLetter) -> dict[str, Any]:
    envelope = letter.envelope
    return {
        "position": _position(letter),
        "at": letter.at.isoformat(timespec="seconds"),
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "key": letter.key,
        "type": envelope.type if envelope else None,
        "event_id": envelope.event_id if envelope else None,
        "reason": letter.reason,
        "attempts": letter.attempts,
    }


async def migrate(*, dry_run: bool) -> list[dict[str, Any]]:
    """Run each service's migrations (entry points `plexus.migrations`) on its database.

    Return one row per collection: service, collection, versions, migrated, failed.

    Raises:
        Refused: MongoDB does not respond.
    """
    try:
        return await _migrate(dry_run=dry_run)
    except Refusal as refusal:
        raise Refused(refusal.message(), reason=refusal.reason) from refusal


async def _migrate(*, dry_run: bool) -> list[dict[str, Any]]:
    behind = servers()
    steps = {point.name: point.load() for point in entry_points(group=MIGRATIONS)}
    rows: list[dict[str, Any]] = []
    for service in SERVICES:
        async with connect(behind.mongo_section(service)) as db:
            outcomes = await carry_out(db, steps.get(service, ()), dry_run)
            versions = await schema_versions(db)
        for collection, found in sorted(versions.items()):
            mine = [outcome for outcome in outcomes if outcome.collection == collection]
            rows.append(
                {
                    "service": service,
                    "collection": collection,
                    "versions": ", ".join(f"{v}: {n}" for v, n in sorted(found.items())) or "empty",
                    "migrated": sum(outcome.migrated for outcome in mine),
                    "failed": sum(outcome.failed for outcome in mine),
                }
            )
    return rows
