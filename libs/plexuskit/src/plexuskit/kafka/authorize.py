"""Provisioning of users and access rules on the brokers from the catalogue.

Run by the administrator of Kafka, at each installation and upgrade: it creates missing rules and
removes those that the catalogue no longer grants. Rules of other applications on the same brokers
stay.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import NoError, for_code
from aiokafka.protocol.api import Request
from plexus.topics import CONSUMERS, TOPICS, Consumer, Topic

from plexuskit.config import KafkaSection
from plexuskit.kafka.acl_protocol import (
    ALLOW,
    LITERAL,
    AlterScram,
    CreateRules,
    DeleteRules,
    DescribeRules,
    Rule,
)
from plexuskit.kafka.clients import REQUEST_TIMEOUT, admin
from plexuskit.kafka.grants import Grant, Resource, grants, services_of, users
from plexuskit.kafka.refusals import kafka_errors

ITERATIONS: Final = 8192
_SALT_BYTES: Final = 24
_LOOK_AGAIN: Final = 0.02
_EVERY_HOST: Final = "*"
_USER: Final = "User:"


@dataclass(frozen=True, slots=True)
class AuthorizeReport:
    """Changes made; `foreign` are rules for topics and groups of Plexus made by others."""

    added: tuple[Grant, ...]
    removed: tuple[Rule, ...]
    foreign: tuple[Rule, ...]


async def authorize(
    section: KafkaSection,
    passwords: Mapping[str, str],
    topics: Sequence[Topic] = TOPICS,
    consumers: Sequence[Consumer] = CONSUMERS,
) -> AuthorizeReport:
    """Set the users' passwords and their access rules. Safe to run any number of times.

    Args:
        section: Address of Kafka, with a user who may administer it, and the prefix of names.
        passwords: Password of each user, by name. A user without one keeps the one they have.
        topics: Topics of the catalogue.
        consumers: Groups of the catalogue.

    Raises:
        KafkaUnavailable: Kafka does not answer, or the section's user may not administer it.
    """
    wanted = grants(section, topics, consumers)
    async with admin(section) as client:
        with kafka_errors("authorize"):
            await _set_passwords(client, passwords)
            found = await _rules(client)
            added = tuple(sorted(grant for grant in wanted if rule_of(grant) not in found))
            if added:
                await _checked(client, CreateRules([rule_of(grant) for grant in added]))
            unwanted = _unwanted(section, found, wanted, topics, consumers)
            ours = {_USER + user for user in users(topics, consumers)}
            removed = tuple(rule for rule in unwanted if rule[3] in ours)
            if removed:
                await _checked(client, DeleteRules(removed))
            if added or removed:
                await _in_force(client, {rule_of(grant) for grant in added}, set(removed))
    foreign = tuple(rule for rule in unwanted if rule[3] not in ours)
    return AuthorizeReport(added=added, removed=removed, foreign=foreign)


async def revoke(section: KafkaSection) -> None:
    """Remove all access rules for names with the section's prefix, which must not be empty.

    Raises:
        ValueError: The prefix is empty.
        KafkaUnavailable: Kafka does not answer, or the section's user may not administer it.
    """
    if not section.topic_prefix:
        raise ValueError("without a prefix this would revoke everything")
    async with admin(section) as client:
        with kafka_errors("revoke"):
            found = await _rules(client)
            named = [rule for rule in found if rule[1].startswith(section.topic_prefix)]
            if named:
                await _checked(client, DeleteRules(named))


def rule_of(grant: Grant) -> Rule:
    """Return a grant as the protocol writes it."""
    return (
        int(grant.resource),
        grant.name,
        LITERAL,
        _USER + grant.user,
        _EVERY_HOST,
        int(grant.operation),
        ALLOW,
    )


def _unwanted(
    section: KafkaSection,
    found: Iterable[Rule],
    wanted: Iterable[Grant],
    topics: Sequence[Topic],
    consumers: Sequence[Consumer],
) -> list[Rule]:
    """Return the rules for names of Plexus that the catalogue does not grant."""
    granted = {rule_of(grant) for grant in wanted}
    begins = tuple(f"{section.topic_prefix}{name}." for name in services_of(topics, consumers))
    kinds = set(map(int, Resource))
    return sorted(
        rule
        for rule in found
        if rule not in granted and rule[0] in kinds and rule[1].startswith(begins)
    )


async def _set_passwords(client: AIOKafkaAdminClient, passwords: Mapping[str, str]) -> None:
    if not passwords:
        return
    upsertions = []
    for user, password in sorted(passwords.items()):
        salt = secrets.token_bytes(_SALT_BYTES)
        salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
        upsertions.append((user, ITERATIONS, salt, salted))
    answer = await _send(client, AlterScram(upsertions))
    for user, code, message, *_ in answer.results:
        _raise_for(code, f"user {user}: {message}")


async def _rules(client: AIOKafkaAdminClient) -> set[Rule]:
    answer = await _send(client, DescribeRules())
    _raise_for(answer.error_code, answer.error_message or "")
    return {
        (kind, name, pattern, principal, host, operation, permission)
        for kind, name, pattern, rules in answer.resources
        for principal, host, operation, permission in rules
    }


async def _in_force(client: AIOKafkaAdminClient, added: set[Rule], removed: set[Rule]) -> None:
    """Wait until the broker obeys the changes, which the controller answers a moment before."""
    async with asyncio.timeout(REQUEST_TIMEOUT.total_seconds()):
        while True:
            found = await _rules(client)
            if added <= found and not removed & found:
                return
            await asyncio.sleep(_LOOK_AGAIN)


async def _checked(client: AIOKafkaAdminClient, request: Request[Any]) -> None:
    answer = await _send(client, request)
    outcomes = getattr(answer, "creation_responses", None) or answer.filter_responses
    for code, message, *_ in outcomes:
        _raise_for(code, message or "")


async def _send(client: AIOKafkaAdminClient, request: Request[Any]) -> Any:
    # The client library offers no public way to send a request that it has no method for.
    return await client._send_request(request)  # noqa: SLF001 - see above


def _raise_for(code: int, message: str) -> None:
    error = for_code(code)
    if error is not NoError:
        raise error(message)


def derived_password(secret: str, user: str) -> str:
    """Return a user's password that follows from one secret, so that it need not be kept."""
    return hmac.new(secret.encode(), user.encode(), hashlib.sha256).hexdigest()
