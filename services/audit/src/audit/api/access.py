"""plexus.audit.v1.AccessHistoryService: a request becomes a query, its result a response."""

from types import MappingProxyType
from typing import Any, Final

from plexus.audit.v1 import access_service_pb2 as pb
from plexus.audit.v1.access_service_pb2_grpc import AccessHistoryServiceServicer
from plexus_access.explain import StepKind
from plexuskit.clock import Clock
from plexuskit.timestamps import requested_field, timestamp

from audit import queries
from audit.api.askers import asker
from audit.queries import Witnesses
from audit.store import Store

_KINDS: Final = MappingProxyType(
    {
        StepKind.PERSON: pb.Step.KIND_PERSON,
        StepKind.MODULE: pb.Step.KIND_MODULE,
        StepKind.ROLE: pb.Step.KIND_ROLE,
        StepKind.RELATION: pb.Step.KIND_RELATION,
        StepKind.POLICY: pb.Step.KIND_POLICY,
    }
)


class AccessHistoryApi(AccessHistoryServiceServicer):
    """Explanations and lists of access, now or at a past time; through the gateway."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._witnesses = Witnesses(store)
        self._clock = clock

    async def ExplainAccess(
        self, request: pb.ExplainAccessRequest, context: Any
    ) -> pb.ExplainAccessResponse:
        found = await queries.explain_access(
            self._store,
            asker=asker(),
            subject=request.subject,
            permission=request.permission,
            object=request.object,
            scopes=request.scopes,
            second_factor=request.second_factor,
            at=requested_field(request, "at"),
            now=self._clock.now(),
        )
        return pb.ExplainAccessResponse(
            allowed=found.explanation.decision.allowed,
            summary=found.explanation.summary,
            steps=[
                pb.Step(
                    kind=_KINDS[step.kind],
                    passed=step.passed,
                    rule=step.rule,
                    path=step.path,
                    text=step.text,
                )
                for step in found.explanation.steps
            ],
            as_of=timestamp(found.as_of),
        )

    async def WhoCanSee(self, request: pb.WhoCanSeeRequest, context: Any) -> pb.WhoCanSeeResponse:
        page = await self._witnesses.who_can_see(
            asker=asker(),
            object=request.object,
            at=requested_field(request, "at"),
            page_size=request.page_size,
            page_token=request.page_token,
            now=self._clock.now(),
        )
        return pb.WhoCanSeeResponse(
            viewers=[
                pb.Viewer(person_id=each.person_id, rule=each.rule, path=each.path)
                for each in page.viewers
            ],
            next_page_token=page.next_page_token,
            total=page.total,
            as_of=timestamp(page.as_of),
        )
