"""Directory's servers in this process, and their clients."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from plexus.authz.v1.authority_pb2_grpc import AuthorityStub
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.directory.v1.access_service_pb2_grpc import (
    AccessServiceStub,
)
from plexus.directory.v1.directory_service_pb2_grpc import (
    DirectoryServiceStub,
)
from plexus.directory.v1.scim_service_pb2_grpc import (
    ScimServiceStub,
)
from plexus.directory.v1.session_service_pb2_grpc import (
    SessionServiceStub,
)
from plexus_testkit import FrozenClock
from plexuskit.grpc import METADATA_KEY, CallerSigner

from .constants_support import MINUTE, SECRET


@dataclass(frozen=True, kw_only=True)
class Served:
    """The directory behind a real gRPC server, and callers that the gateway or a service signed."""

    directory: DirectoryServiceStub
    sessions: SessionServiceStub
    scim: ScimServiceStub
    authority: AuthorityStub
    access: AccessServiceStub
    clock: FrozenClock
    gateway: CallerSigner
    search: CallerSigner
    secret: str = field(default=SECRET, repr=False)

    def person(
        self,
        person_id: str,
        tenant_id: str,
        *roles: str,
        session_id: str = "ses_x",
        scopes: Sequence[str] = (),
    ) -> dict:
        return self._signed(
            self.gateway,
            CallerContext(
                kind=CallerContext.KIND_PERSON,
                tenant_id=tenant_id,
                person_id=person_id,
                session_id=session_id,
                roles=roles,
                scopes=scopes,
                # Only API tokens have scopes.
                api_token_id="tok_app" if scopes else "",
            ),
        )

    @property
    def anonymous(self) -> dict:
        return self._signed(self.gateway, CallerContext(kind=CallerContext.KIND_ANONYMOUS))

    @property
    def service(self) -> dict:
        return self._signed(self.search, CallerContext(kind=CallerContext.KIND_SERVICE))

    def _signed(self, signer: CallerSigner, context: CallerContext) -> dict:
        issued = int(self.clock.now().timestamp() * 1000)
        context.service = signer.service
        context.audience = "directory"
        context.issued_at_ms = issued
        context.expires_at_ms = issued + int(MINUTE.total_seconds() * 1000)
        return {"metadata": ((METADATA_KEY, signer.sign(context)),)}
