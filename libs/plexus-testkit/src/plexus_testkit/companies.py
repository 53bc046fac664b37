"""A company to decide about in tests: in memory, or behind directory's `Authority`."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import grpc
from plexus.authz.v1 import authority_pb2
from plexus.authz.v1.caller_pb2 import CallerContext
from plexus.directory.v1 import access_pb2, events_pb2, people_pb2
from plexus.event.v1.envelope_pb2 import Envelope
from plexus_access.decisions import Decisions
from plexus_access.replica import Replica
from plexuskit.clock import Clock, SystemClock
from plexuskit.timestamps import timestamp

AUTHORITY: Final = authority_pb2.DESCRIPTOR.services_by_name["Authority"].full_name

MASKED: Final = {
    "Person": "plexus.directory.v1.Person",
    "Message": "plexus.messaging.v1.Message",
    "Conversation": "plexus.messaging.v1.Conversation",
    "Task": "plexus.tasks.v1.Task",
}
# The name of the person whom `Company.auditor` adds.
AUDITOR: Final = "auditor"


def roles_of(name: str) -> list[str]:
    """Return the roles that the gateway states for a person of the tests, by name."""
    return [AUDITOR, "member"] if name == AUDITOR else ["member"]


def context_of(name: str, *, tenant_id: str, **fields: Any) -> CallerContext:
    """Return the context of a person as the gateway signs it: id and session follow from the name.

    Args:
        name: of the person; `auditor` has that role.
        tenant_id: of the person.
        fields: more of the context.
    """
    return CallerContext(
        kind=CallerContext.KIND_PERSON,
        tenant_id=tenant_id,
        person_id=f"per_{name}",
        session_id=f"ses_{name}",
        roles=roles_of(name),
        **fields,
    )


class Company:
    """The people, roles and policies of tenants, as facts of directory."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.replica = Replica()
        self._clock = clock or SystemClock()
        self.current = True
        self.facts: list[Envelope] = []
        # Questions that directory got.
        self.asked: list[authority_pb2.SnapshotRequest] = []
        self.facts_asked: list[authority_pb2.ReadFactsRequest] = []
        self.decisions = Decisions(self.replica, current=lambda: self.current, clock=self._clock)
        self._version = 0

    def person(
        self, tenant_id: str, person_id: str, *, roles: Iterable[str] = ("member",), **fields: Any
    ) -> Envelope:
        """Add or change a person."""
        resource = people_pb2.Person(
            id=person_id,
            version=self._next(),
            roles=roles,
            kind=fields.pop("kind", people_pb2.Person.KIND_HUMAN),
            state=fields.pop("state", people_pb2.Person.STATE_ACTIVE),
            **fields,
        )
        return self._record(tenant_id, resource.id, events_pb2.PersonChanged(person=resource))

    def auditor(self, tenant_id: str) -> Envelope:
        """Add the auditor: privileges are decided by the replica, not by the gateway's word."""
        return self.person(tenant_id, f"per_{AUDITOR}", roles=roles_of(AUDITOR))

    def policy(self, tenant_id: str, name: str, cedar: str, *, removed: bool = False) -> Envelope:
        """Store or remove an attribute policy."""
        resource = access_pb2.AccessPolicy(
            id=f"pol_{name}",
            name=name,
            cedar=cedar,
            enabled=True,
            version=self._next(),
            removed=removed,
        )
        return self._record(tenant_id, resource.id, events_pb2.AccessPolicyChanged(policy=resource))

    def masks(self, tenant_id: str, role: str, **shown: Iterable[str]) -> Envelope:
        """Limit a built-in role to some fields of messages.

        Args:
            tenant_id: id of the tenant.
            role: for example `member`.
            shown: the visible fields by the last part of a message's name, for example `Person`.
        """
        resource = access_pb2.Role(
            id=role,
            name=role,
            built_in=True,
            version=self._next(),
            masks=[
                access_pb2.FieldMask(message=MASKED[name], fields=fields)
                for name, fields in shown.items()
            ],
        )
        return self._record(tenant_id, resource.id, events_pb2.RoleChanged(role=resource))

    def role(
        self,
        tenant_id: str,
        name: str,
        *permissions: str,
        to: str,
        scope: str = "",
        until: datetime | None = None,
    ) -> list[Envelope]:
        """Make a role of the tenant's own and bind a person to it, for the tenant by default."""
        resource = access_pb2.Role(
            id=f"rol_{name}", name=name, permissions=permissions, version=self._next()
        )
        binding = access_pb2.RoleBinding(
            id=f"rbd_{name}_{to}",
            role_id=resource.id,
            subject=f"person:{to}",
            scope=scope or f"tenant:{tenant_id}",
            version=self._next(),
        )
        if until is not None:
            binding.expires_at.CopyFrom(timestamp(until))
        return [
            self._record(tenant_id, resource.id, events_pb2.RoleChanged(role=resource)),
            self._record(tenant_id, binding.id, events_pb2.RoleBindingChanged(binding=binding)),
        ]

    @asynccontextmanager
    async def directory(self) -> AsyncIterator[str]:
        """Answer `Snapshot` and `ReadFacts` as directory's Authority does; gives `host:port`."""

        async def snapshot(
            request: authority_pb2.SnapshotRequest, _: Any
        ) -> AsyncIterator[authority_pb2.SnapshotResponse]:
            # Every fact for every topic: a replica applies each once.
            self.asked.append(request)
            yield authority_pb2.SnapshotResponse(facts=self.facts)

        async def read_facts(
            request: authority_pb2.ReadFactsRequest, _: Any
        ) -> authority_pb2.ReadFactsResponse:
            self.facts_asked.append(request)
            numbers = range(request.from_change_no, request.through_change_no + 1)
            return authority_pb2.ReadFactsResponse(
                facts=[
                    fact
                    for fact in self.facts
                    if fact.scope == request.scope and fact.change_no in numbers
                ]
            )

        server = grpc.aio.server()
        handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "Snapshot": grpc.unary_stream_rpc_method_handler(
                snapshot,
                request_deserializer=authority_pb2.SnapshotRequest.FromString,
                response_serializer=authority_pb2.SnapshotResponse.SerializeToString,
            ),
            "ReadFacts": grpc.unary_unary_rpc_method_handler(
                read_facts,
                request_deserializer=authority_pb2.ReadFactsRequest.FromString,
                response_serializer=authority_pb2.ReadFactsResponse.SerializeToString,
            ),
        }
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(AUTHORITY, handlers),)
        )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(None)

    def _next(self) -> int:
        self._version += 1
        return self._version

    def _record(self, tenant_id: str, entity_id: str, fact: Any) -> Envelope:
        envelope = Envelope(
            event_id=f"evt_{self._version}",
            tenant_id=tenant_id,
            scope=entity_id,
            change_no=self._version,
            entity_id=entity_id,
            entity_version=self._version,
            schema_version=1,
            type=fact.DESCRIPTOR.full_name,
            fact=fact.SerializeToString(),
            occurred_at=timestamp(self._clock.now()),
        )
        self.facts.append(envelope)
        self.replica.take([envelope])
        return envelope
