"""Users and passwords of the servers that are started here: random, kept in files, or derived."""

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
"""The broker itself, at its controller."""
ADMIN: Final = "admin"
"""The administrator of Kafka, who makes users and access rules."""
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
        """Return accounts whose passwords all follow from the admin's, a fresh one unless given."""
        admin = admin or secrets.token_urlsafe(24)
        return cls(
            broker=derived_password(admin, BROKER),
            admin=admin,
            users={user: derived_password(admin, user) for user in users()},
        )

    @classmethod
    def kept(cls, folder: Path) -> Self:
        """Return the accounts whose passwords are files of a folder; make those that are missing.

        A file with another content is a new password: the broker has it from its next start on.
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

    `key_file` is what the members of the replica set know one another by. The internal user that it
    stands for makes the others, so nothing is ever open to a client without a user.
    """

    key_file: Path
    admin: str = field(repr=False)
    operator: str = field(repr=False)
    services: Mapping[str, str] = field(repr=False)

    @classmethod
    def kept(cls, folder: Path, *, services: Iterable[str]) -> Self:
        """Return the accounts whose passwords are files of a folder; make those that are missing.

        A file with another content is a new password from the next start of the server on.
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
    """Return the passwords in the files of a folder by name; a missing one is made, 0600."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    passwords = {}
    for name in names:
        path = folder / name
        if not path.is_file():
            fresh = path.with_name(f".{name}.{secrets.token_hex(4)}")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(secrets.token_hex(32))  # fits a key file and a JAAS line
            fresh.replace(path)
        passwords[name] = path.read_text().strip()
    return passwords
