"""Passwords of Kafka and MongoDB rotated under load, following docs/operations (GW-12)."""

import asyncio
import secrets
from pathlib import Path

import pymongo
import pytest
from plexus_testkit.wait import eventually
from plexuskit.config import KafkaSection
from plexuskit.kafka import KafkaUnavailable
from plexuskit.kafka.authorize import authorize
from plexuskit.kafka.clients import admin
from plexuskit.kafka.grants import user_of
from pymongo.errors import OperationFailure

SERVICE = "messaging"
PROCESSES = ("messaging-api", "messaging-relay")
USER = user_of(SERVICE)
AUTHENTICATION_FAILED = 18


@pytest.mark.long
@pytest.mark.rule("GW-12")
@pytest.mark.timeout(300)
async def test_passwords_rotated_under_load_lose_no_message(
    platform, people, room, client, checker, talking
):
    conversation = await room("ann", "bob")
    ann, bob = await client("ann"), await client("bob")
    old = tuple(file.read_text() for file in files_of(platform))

    async def said(count=5):
        """Wait until this many more messages are acknowledged."""
        wanted = len(ann.acknowledged) + count
        await eventually(lambda: len(ann.acknowledged) >= wanted, within=60)

    try:
        async with talking([ann], conversation, every=0.1, mention=bob.person_id):
            await said()
            # The files come first: a process that is refused ends, and the next one reads them.
            new = secrets.token_hex(16), secrets.token_hex(16)
            write_files(platform, new)
            assert await refused(platform)
            await set_passwords(platform, new)
            await eventually(lambda: accepted(platform), within=90)
            for name in PROCESSES:
                await restart(platform[name])
                await said()
        assert await accepted(platform)
    finally:
        # A server that another test restarts restores the previous passwords of its users. The
        # processes signed in with the new ones and could not reconnect.
        await set_passwords(platform, old)
        write_files(platform, old)
        for name in PROCESSES:
            await restart(platform[name])

    seqs = range(1, len(ann.acknowledged) + 1)
    await checker.kept(conversation, [ann])
    await checker.delivered(conversation, [ann, bob], seqs=seqs)
    await checker.notified(people["bob"], conversation, seqs=seqs)


async def restart(process):
    """Stop a process as an operator does, and start it with the current content of its files.

    It may have ended by itself with exit code 1, because its old password was refused.
    """
    assert await process.end() in {0, 1}
    await process.begin()


def files_of(platform):
    """Return the files with the service's passwords: of Kafka, and of MongoDB."""
    folders = (platform.urls.kafka_passwords, platform.urls.mongo_passwords)
    return tuple(Path(folder) / USER for folder in folders)


def write_files(platform, passwords):
    """Write new passwords into the service's files."""
    for file, password in zip(files_of(platform), passwords, strict=True):
        file.write_text(password)


async def set_passwords(platform, passwords):
    """Set new passwords of the service's user at both servers."""
    kafka, mongo = (password.strip() for password in passwords)
    await authorize(platform.kafka, {USER: kafka})
    await asyncio.to_thread(set_mongo_password, platform.mongo_url, mongo)


def set_mongo_password(url, password):
    """Set a new password of messaging's MongoDB user, as its administrator."""
    with pymongo.MongoClient(url) as admin:
        admin.admin.command("updateUser", USER, pwd=password)


async def accepted(platform) -> bool:
    """Return whether both servers accept a new connection with the passwords of the files."""
    return not await refused(platform)


async def refused(platform) -> bool:
    """Return whether both servers refuse a new connection with the passwords of the files."""
    kafka, mongo = files_of(platform)
    section = KafkaSection(url=platform.urls.kafka, user=USER, password_file=kafka)
    outcomes = {
        await kafka_refuses(section),
        await asyncio.to_thread(mongo_refuses, platform.urls.mongo, mongo.read_text().strip()),
    }
    assert len(outcomes) == 1, "one of the two has not heard of the new password yet"
    return outcomes.pop()


async def kafka_refuses(section: KafkaSection) -> bool:
    """Return whether a client of Kafka cannot sign in."""
    try:
        async with admin(section):
            return False
    except KafkaUnavailable:
        return True


def mongo_refuses(url: str, password: str) -> bool:
    """Return whether a client of MongoDB cannot sign in."""
    with pymongo.MongoClient(url, username=USER, password=password) as client:
        try:
            client.get_database(f"plexus_{SERVICE}").command("count", "heads")
        except OperationFailure as problem:
            if problem.code != AUTHENTICATION_FAILED:
                raise
            return True
    return False
