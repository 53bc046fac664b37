"""A company on a store, with everything that its operations need."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from directory.access import operations as access_operations
from directory.access.domain.role_bindings import Binding
from directory.access.domain.roles import Role
from directory.accounts.domain.sessions import Tokens
from directory.accounts.domain.sign_in_attempts import Origin
from directory.accounts.operations.hashing import Hashing
from directory.accounts.store import SecretBox
from directory.app import Store
from directory.people import operations
from directory.people.domain.people import Changes, Draft, Person
from directory.people.domain.tenants import Tenant
from directory.shared.domain.actors import Actor
from directory.sign_in import operations as sign_in_operations
from directory.sign_in.operations.access_tokens import TokenIssuer
from directory.sign_in.operations.admissions import SignInResult
from directory.sign_in.operations.openid import OpenIdClient
from directory.sign_in.operations.webauthn import Passkeys
from plexus_testkit import FrozenClock
from plexuskit.request_ids import Request

from .access_support import HR
from .constants_support import HERE, PASSWORD


@dataclass(frozen=True, kw_only=True)
class Company:
    """A tenant with its administrator, and the shortest way to do things in it."""

    tenant: Tenant
    admin: Person
    actor: Actor
    store: Store
    hashes: Hashing
    issuer: TokenIssuer
    sealing: SecretBox
    passkeys: Passkeys
    openid: OpenIdClient
    clock: FrozenClock

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def hire(
        self, handle: str, *, password: str = "", request: Request | None = None, **fields: object
    ) -> Person:
        draft = Draft(handle=handle, display_name=handle.title(), **fields)  # type: ignore[arg-type]
        return await operations.create_person(
            self.store,
            self.hashes,
            actor=self.actor,
            draft=draft,
            password=password,
            request=request,
            now=self.now,
        )

    async def enter(
        self, handle: str, password: str = PASSWORD, *, network: str = HERE, device_key: str = ""
    ) -> SignInResult:
        return await sign_in_operations.sign_in(
            self.store,
            self.hashes,
            self.issuer,
            passkeys=self.passkeys,
            sealing=self.sealing,
            handle=handle,
            password=password,
            device="test",
            origin=Origin(network=network, device_key=device_key),
            now=self.now,
        )

    async def sign_in(self, handle: str, password: str = PASSWORD) -> Tokens:
        admitted = await self.enter(handle, password)
        assert admitted.tokens is not None
        return admitted.tokens

    async def refresh(self, refresh_token: str) -> Tokens:
        return await sign_in_operations.refresh_session(
            self.store, self.issuer, refresh_token=refresh_token, now=self.now
        )

    async def create_role(
        self, name: str = "HR", permissions: Sequence[str] = HR, **rest: object
    ) -> Role:
        asked = {"description": "", "masks": (), "request": None, **rest}
        return await access_operations.create_role(
            self.store,
            actor=self.actor,
            name=name,
            permissions=permissions,
            now=self.now,
            **asked,  # type: ignore[arg-type]
        )

    async def bind(self, role_id: str, subject: str, scope: str = "", **rest: object) -> Binding:
        asked = {"expires_at": None, "request": None, **rest}
        return await access_operations.bind_role(
            self.store,
            actor=self.actor,
            role_id=role_id,
            subject=subject,
            scope=scope,
            now=self.now,
            **asked,  # type: ignore[arg-type]
        )

    async def department(self, name: str, parent_id: str = "", external_id: str = "") -> str:
        """Make a department; out: its id."""
        made = await operations.create_department(
            self.store,
            actor=self.actor,
            name=name,
            parent_id=parent_id,
            external_id=external_id,
            request=None,
            now=self.now,
        )
        return made.id

    async def change(self, person: Person, **changes: object) -> Person:
        return await operations.update_person(
            self.store,
            actor=self.actor,
            person_id=person.id,
            changes=Changes(**changes),  # type: ignore[arg-type]
            expected_version=0,
            request=None,
            now=self.now,
        )

    async def dismiss(self, person: Person) -> Person:
        return await operations.deactivate_person(
            self.store, actor=self.actor, person_id=person.id, request=None, now=self.now
        )

    async def load(self, person: Person) -> Person:
        return await self.store.people.get(person.id, tenant_id=self.tenant.id)

    def acting_as(self, person: Person, *, session_id: str = "ses_of_test") -> Actor:
        return Actor(
            tenant_id=person.tenant_id,
            person_id=person.id,
            session_id=session_id,  # type: ignore[arg-type]
            roles=frozenset(person.roles),
        )
