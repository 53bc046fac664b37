"""The part of plexus.directory.v1.DirectoryService that is about departments."""

from typing import Any

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceServicer
from plexuskit.clock import Clock
from plexuskit.request_ids import request_of

from directory.people import operations, queries
from directory.people.events import department_to_proto
from directory.people.store import Store
from directory.shared.api.translation import acting


class DepartmentsApi(DirectoryServiceServicer):
    """The department tree: making, changing, restructuring and reading it."""

    _store: Store
    _clock: Clock

    async def CreateDepartment(
        self, request: pb.CreateDepartmentRequest, context: Any
    ) -> pb.CreateDepartmentResponse:
        """Make a department."""
        actor = acting()
        department = await operations.create_department(
            self._store,
            actor=actor,
            name=request.name,
            parent_id=request.parent_id,
            external_id=request.external_id,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.CreateDepartmentResponse(department=department_to_proto(department))

    async def UpdateDepartment(
        self, request: pb.UpdateDepartmentRequest, context: Any
    ) -> pb.UpdateDepartmentResponse:
        """Rename a department or set its leader."""
        actor = acting()
        department = await operations.update_department(
            self._store,
            actor=actor,
            department_id=request.department_id,
            name=request.name if request.HasField("name") else None,
            leader_id=request.leader_id if request.HasField("leader_id") else None,
            expected_version=request.expected_version,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.UpdateDepartmentResponse(department=department_to_proto(department))

    async def MoveDepartment(
        self, request: pb.MoveDepartmentRequest, context: Any
    ) -> pb.MoveDepartmentResponse:
        """Move a department with everything below it."""
        actor = acting()
        done = await operations.move_department(
            self._store,
            actor=actor,
            department_id=request.department_id,
            parent_id=request.parent_id,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.MoveDepartmentResponse(
            department=department_to_proto(done.department), moved=done.departments_moved
        )

    async def MergeDepartment(
        self, request: pb.MergeDepartmentRequest, context: Any
    ) -> pb.MergeDepartmentResponse:
        """Close a department for another one."""
        actor = acting()
        done = await operations.merge_department(
            self._store,
            actor=actor,
            department_id=request.department_id,
            into_id=request.into_id,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.MergeDepartmentResponse(
            into=department_to_proto(done.department),
            people_moved=done.people_moved,
            departments_moved=done.departments_moved,
        )

    async def SplitDepartment(
        self, request: pb.SplitDepartmentRequest, context: Any
    ) -> pb.SplitDepartmentResponse:
        """Make a department out of another."""
        actor = acting()
        done = await operations.split_department(
            self._store,
            actor=actor,
            department_id=request.department_id,
            name=request.name,
            below=request.below,
            person_ids=request.person_ids,
            child_ids=request.child_ids,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.SplitDepartmentResponse(department=department_to_proto(done.department))

    async def ListDepartments(
        self, request: pb.ListDepartmentsRequest, context: Any
    ) -> pb.ListDepartmentsResponse:
        """List the department tree."""
        departments, next_page_token = await queries.list_departments(
            self._store,
            actor=acting(),
            page_size=request.page_size,
            page_token=request.page_token,
            include_closed=request.include_closed,
        )
        return pb.ListDepartmentsResponse(
            departments=map(department_to_proto, departments), next_page_token=next_page_token
        )
