"""A company with one administrator, as input of directory's calls."""

from directory.accounts.operations.hashing import Hashing
from directory.app import Store
from directory.config import PasswordsSection
from directory.people import operations
from directory.people.domain.people import Person
from directory.people.domain.tenants import Tenant
from plexuskit.clock import Clock

CHEAP = PasswordsSection(time_cost=1, memory_kib=1_024, parallelism=1)
_SECRET = "bootstrap secret of the tests"


async def new_company(store: Store, hashes: Hashing, *, clock: Clock) -> tuple[Tenant, Person]:
    """Create the tenant; return it with its administrator."""
    return await operations.init_tenant(
        store,
        hashes,
        name="北方贸易",
        time_zone="Asia/Shanghai",
        admin_handle="root",
        admin_display_name="Root",
        admin_password="correct horse",
        bootstrap_given=_SECRET,
        bootstrap_secret=_SECRET,
        now=clock.now(),
    )
