"""Users and passwords of local servers: random, stored in files, or derived."""

import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from plexuskit.config import KafkaSection
from plexuskit.kafka.authorize import derived_password
from plexuskit.kafka.grants import OPERATOR, user_of, users

BROKER: Final = "broker"
"""User of the broker itself, for its controller."""
ADMIN: Final = "admin"
"""The administrator of Kafka, who creates users and access rules."""
ADMIN_USER: Final = "plexus-admin"
"""The administrator of MongoDB."""
MONGO_KEY: Final = "replica-set-key"


@dataclass(frozen=True, slots=True)
class KafkaAccounts:
    """Passwords of one Kafka; `broker` and `admin` are in its settings, the users are SCRAM's."""

    broker: str = field(repr=False)
    admin: str = field(repr=False)
    users: Mapping[str, str] = field(repr=False)

    @classmethod
    def derived(cls, admin: str = "") -> Self:
        """Return accounts with passwords derived from the admin's, a random one unless given."""
        admin = admin or secrets.token_urlsafe(24)
        return cls(
            broker=derived_password(admin, BROKER),
            admin=admin,
            users={user: derived_password(admin, user) for user in users()},
        )

    @classmethod
    def kept(cls, folder: Path) -> Self:
        """Return the accounts whose passwords are files of a folder; create missing ones.

        A changed file is a new password, valid from the broker's next start.
        """
        kept = kept_passwords(folder, [BROKER, ADMIN, *users()])
        return cls(
            broker=kept.pop(BROKER),
            admin=kept.pop(ADMIN),
            users=kept,
        )

    def administering(self, url: str) -> KafkaSection:
        """Return the section of the administrator, without a prefix."""
        return KafkaSection(url=url, user=ADMIN, password=self.admin, mechanism="PLAIN")

    def section(self, url: str, user: str, *, topic_prefix: str = "") -> KafkaSection:
        """Return the section of a user."""
        return KafkaSection(
            url=url, user=user, password=self.users[user], topic_prefix=topic_prefix
        )


@dataclass(frozen=True, slots=True)
class MongoAccounts:
    """Users of one mongod: each service with its own database, an operator and an administrator.

    The members of the replica set authenticate with `key_file`. The internal user of that key
    creates the others, so the server is never open to a client without a user.
    """

    key_file: Path
    admin: str = field(repr=False)
    operator: str = field(repr=False)
    services: Mapping[str, str] = field(repr=False)

    @classmethod
    def kept(cls, folder: Path, *, services: Iterable[str]) -> Self:
        """Return the accounts whose passwords are files of a folder; create missing ones.

        A changed file is a new password, valid from the server's next start.
        """
        names = [user_of(service) for service in services]
        kept = kept_passwords(folder, [MONGO_KEY, ADMIN_USER, OPERATOR, *names])
        return cls(
            key_file=folder / MONGO_KEY,
            admin=kept[ADMIN_USER],
            operator=kept[OPERATOR],
            services={name: kept[name] for name in names},
        )


def kept_passwords(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the passwords in a folder's files by name; create missing ones with mode 0600."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    passwords = {}
    for name in names:
        path = folder / name
        if not path.is_file():
            fresh = path.with_name(f".{name}.{secrets.token_hex(4)}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(secrets.token_hex(32))  # valid in a key file and in a JAAS line
            fresh.replace(path)
        passwords[name] = path.read_text().strip()
    return passwords
