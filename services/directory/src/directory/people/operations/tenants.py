"""Setting up the deployment: its tenant and the first administrator."""

from datetime import datetime

import structlog
from plexuskit.ids import new_id
from plexuskit.mongo import Transaction

from directory.accounts.domain.passwords import normalise
from directory.accounts.operations.hashing import Hashing
from directory.accounts.operations.lines import signed_in
from directory.accounts.store import Credential
from directory.people import events
from directory.people.domain import people, tenants
from directory.people.domain.people import Draft, Kind, Person
from directory.people.domain.refusals import TenantExists
from directory.people.domain.tenants import Tenant
from directory.people.domain.working_hours import DEFAULT, WorkingHours
from directory.people.store import Store
from directory.shared.domain.actors import ADMIN, MEMBER
from directory.shared.domain.ids import PersonId, TenantId

log = structlog.get_logger()


async def init_tenant(
    store: Store,
    hashing: Hashing,
    *,
    name: str,
    time_zone: str,
    working_hours: WorkingHours = DEFAULT,
    admin_handle: str,
    admin_display_name: str,
    admin_password: str,
    bootstrap_given: str,
    bootstrap_secret: str,
    now: datetime,
) -> tuple[Tenant, Person]:
    """Make the tenant and its first administrator, once per deployment.

    Raises:
        BootstrapRefused: the secret is wrong, or the deployment has none; checked before anything
            else.
        TenantExists: there is a tenant, or another call made it at the same moment.
        InvalidArgument: a field is not allowed.
    """
    tenants.check_bootstrap(given=bootstrap_given, secret=bootstrap_secret)
    if await store.tenants.find_only() is not None:
        raise TenantExists
    tenant = tenants.create(
        tenant_id=TenantId(new_id("ten", now=now)),
        name=name,
        time_zone=time_zone,
        working_hours=working_hours,
        now=now,
    )
    admin = people.create(
        Draft(
            handle=admin_handle,
            display_name=admin_display_name or admin_handle,
            kind=Kind.BOOTSTRAP,
            roles=(ADMIN, MEMBER),
        ),
        person_id=PersonId(new_id("per", now=now)),
        tenant=tenant,
        now=now,
    )
    password = normalise(
        admin_password, field="admin_password", about=(*admin.obvious_words, tenant.name)
    )
    credential = Credential(
        person_id=admin.id,
        tenant_id=tenant.id,
        password_hash=await hashing.make(password, source=signed_in(admin.id)),
    )

    async def work(tx: Transaction) -> None:
        await store.tenants.add(tenant, tx=tx)
        await store.people.add(admin, tx=tx)
        await store.credentials.set(credential, now=now, tx=tx)
        await store.outbox.add(events.person_added(admin, actor_id=admin.id, now=now), tx=tx)

    await store.transact(work)
    log.info("tenant.created", tenant_id=tenant.id, admin_id=admin.id)
    return tenant, admin
