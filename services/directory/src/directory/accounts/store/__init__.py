"""The collections of accounts, and the files with the keys that sign and seal."""

from plexuskit.mongo import Database

from directory.access.store import Store as AccessStore
from directory.accounts.store.api_tokens import ApiTokens
from directory.accounts.store.credentials import (
    AttemptLog,
    Credential,
    Credentials,
    FailedSignInLog,
    SpreadLog,
)
from directory.accounts.store.key_files import UnusableKeys
from directory.accounts.store.secret_box import SealBroken, SecretBox, load_or_create_sealing
from directory.accounts.store.session_generations import SessionGenerations
from directory.accounts.store.sessions import Sessions
from directory.accounts.store.signing_keys import SigningKeys, load, load_or_create, rotate

__all__ = [
    "Credential",
    "SealBroken",
    "SecretBox",
    "SigningKeys",
    "Store",
    "UnusableKeys",
    "load",
    "load_or_create",
    "load_or_create_sealing",
    "rotate",
]


class Store(AccessStore):
    """The database with credentials, failed attempts, sessions and API tokens."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.credentials = Credentials(db)
        self.attempts = AttemptLog(db)
        self.spread = SpreadLog(db)
        self.failed_sign_ins = FailedSignInLog(db)
        self.generations = SessionGenerations(db)
        self.sessions = Sessions(db, self.generations)
        self.api_tokens = ApiTokens(db)

    async def provision(self) -> None:
        """Create missing collections and indexes; safe to run at every start."""
        await super().provision()
        await self.credentials.provision()
        await self.attempts.provision()
        await self.failed_sign_ins.provision()
        await self.generations.provision()
        await self.sessions.provision()
        await self.api_tokens.provision()
