"""The service's database as one thing."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from plexuskit.mongo import Database, Transaction
from plexuskit.outbox import Outbox

from notify.domain.definitions import Kinds
from notify.kinds import KINDS
from notify.store.claims import ClaimStore
from notify.store.conversations import ConversationStore
from notify.store.mails import MailStore
from notify.store.mutes import MuteStore
from notify.store.notifications import NotificationStore
from notify.store.people import PeopleStore
from notify.store.preferences import PreferenceStore
from notify.store.tasks import TaskStore

T = TypeVar("T")

# A large audience is written while its readers already mark it: conflicts are common then.
_ATTEMPTS: Final = 40
_WITHIN: Final = timedelta(seconds=8)


class Store:
    """The service's database; `kinds` are those of its documents."""

    def __init__(self, db: Database, *, kinds: Kinds = KINDS) -> None:
        self._db = db
        self.kinds = kinds
        self.notifications = NotificationStore(db, kinds)
        self.mails = MailStore(db, kinds)
        self.claims = ClaimStore(db)
        self.people = PeopleStore(db)
        self.conversations = ConversationStore(db)
        self.mutes = MuteStore(db)
        self.preferences = PreferenceStore(db, kinds)
        self.tasks = TaskStore(db)
        self.outbox = Outbox(db)

    async def provision(self) -> None:
        """Create the collections and indexes that are missing; run any number of times."""
        await self.notifications.ensure_indexes()
        await self.mails.ensure_indexes()
        await self.claims.ensure_indexes()
        await self.people.ensure_indexes()
        await self.conversations.ensure_indexes()
        await self.mutes.ensure_indexes()
        await self.preferences.ensure_indexes()
        await self.tasks.ensure_indexes()
        await self.outbox.ensure_indexes()

    async def probe(self) -> None:
        """Write and read the probe document of the service"s consumers; see `Database.probe`."""
        await self._db.probe("notify")

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run the work in one transaction, again after conflicts; see `Database.transact`."""
        return await self._db.transact(work, attempts=_ATTEMPTS, within=_WITHIN)
