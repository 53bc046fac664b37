"""plexus.directory.v1.DirectoryService."""

from typing import Any

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceServicer
from plexuskit.clock import Clock

from directory import operations, queries
from directory.api.translate import acting, hours_of, kind_of, request_of
from directory.domain.imports import Imported
from directory.domain.people import Changes, Draft
from directory.domain.working_hours import WorkingHours
from directory.events import department_to_proto, person_to_proto
from directory.operations.hashing import Hashing
from directory.store import Store


class DirectoryApi(DirectoryServiceServicer):
    """People and departments."""

    def __init__(self, store: Store, *, hashing: Hashing, clock: Clock) -> None:
        self._store = store
        self._hashing = hashing
        self._clock = clock

    async def CreatePerson(
        self, request: pb.CreatePersonRequest, context: Any
    ) -> pb.CreatePersonResponse:
        """Make a person."""
        actor = acting()
        person = await operations.create_person(
            self._store,
            self._hashing,
            actor=actor,
            draft=Draft(
                handle=request.handle,
                display_name=request.display_name,
                email=request.email,
                kind=kind_of(request.kind),
                department_ids=request.department_ids,
                title=request.title,
                time_zone=request.time_zone,
                working_hours=_hours(request),
                locale=request.locale,
                roles=request.roles,
            ),
            password=request.password,
            request=request_of(
                request, actor=actor, request_id=request.request_id, secret=("password",)
            ),
            now=self._clock.now(),
        )
        return pb.CreatePersonResponse(person=person_to_proto(person))

    async def UpdatePerson(
        self, request: pb.UpdatePersonRequest, context: Any
    ) -> pb.UpdatePersonResponse:
        """Change the set fields of a person."""
        actor = acting()
        person = await operations.update_person(
            self._store,
            actor=actor,
            person_id=request.person_id,
            changes=_changes(request),
            expected_version=request.expected_version,
            request=request_of(request, actor=actor, request_id=request.request_id),
            now=self._clock.now(),
        )
        return pb.UpdatePersonResponse(person=person_to_proto(person))

    async def DeactivatePerson(
        self, request: pb.DeactivatePersonRequest, context: Any
    ) -> pb.DeactivatePersonResponse:
        """Take away the right to sign in."""
        actor = acting()
        person = await operations.deactivate_person(
            self._store,
            actor=actor,
            person_id=request.person_id,
            request=request_of(request, actor=actor, request_id=request.request_id),
            now=self._clock.now(),
        )
        return pb.DeactivatePersonResponse(person=person_to_proto(person))

    async def GetPerson(self, request: pb.GetPersonRequest, context: Any) -> pb.GetPersonResponse:
        """Load one person."""
        person = await queries.get_person(
            self._store,
            actor=acting(),
            person_id=request.person_id,
            handle=request.handle,
            me=request.me,
        )
        return pb.GetPersonResponse(person=person_to_proto(person))

    async def BatchGetPeople(
        self, request: pb.BatchGetPeopleRequest, context: Any
    ) -> pb.BatchGetPeopleResponse:
        """Load several people."""
        people = await queries.batch_get_people(
            self._store,
            actor=acting(),
            person_ids=request.person_ids,
            handles=request.handles,
        )
        return pb.BatchGetPeopleResponse(people=map(person_to_proto, people))

    async def ListPeople(
        self, request: pb.ListPeopleRequest, context: Any
    ) -> pb.ListPeopleResponse:
        """List people by handle."""
        people, next_page_token = await queries.list_people(
            self._store,
            actor=acting(),
            page_size=request.page_size,
            page_token=request.page_token,
            department_id=request.department_id,
            query=request.query,
            include_deactivated=request.include_deactivated,
        )
        return pb.ListPeopleResponse(
            people=map(person_to_proto, people), next_page_token=next_page_token
        )

    async def ImportPeople(
        self, request: pb.ImportPeopleRequest, context: Any
    ) -> pb.ImportPeopleResponse:
        """Make or change many people by external id."""
        outcome = await operations.import_people(
            self._store,
            self._hashing,
            actor=acting(),
            imported=[_imported(person, index) for index, person in enumerate(request.people)],
            now=self._clock.now(),
        )
        return pb.ImportPeopleResponse(
            people=map(person_to_proto, outcome.people),
            created=outcome.created,
            changed=outcome.changed,
            unchanged=outcome.unchanged,
        )

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
            request=request_of(request, actor=actor, request_id=request.request_id),
            now=self._clock.now(),
        )
        return pb.CreateDepartmentResponse(department=department_to_proto(department))

    async def ListDepartments(
        self, request: pb.ListDepartmentsRequest, context: Any
    ) -> pb.ListDepartmentsResponse:
        """List the department tree."""
        departments, next_page_token = await queries.list_departments(
            self._store,
            actor=acting(),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListDepartmentsResponse(
            departments=map(department_to_proto, departments), next_page_token=next_page_token
        )

    async def GetDirectoryStatus(
        self, request: pb.GetDirectoryStatusRequest, context: Any
    ) -> pb.GetDirectoryStatusResponse:
        """Count people, departments and sessions."""
        status = await queries.get_directory_status(
            self._store, actor=acting(), now=self._clock.now()
        )
        return pb.GetDirectoryStatusResponse(
            people=status.people, departments=status.departments, sessions=status.sessions
        )


def _changes(request: pb.UpdatePersonRequest) -> Changes:
    return Changes(
        display_name=request.display_name if request.HasField("display_name") else None,
        email=request.email if request.HasField("email") else None,
        title=request.title if request.HasField("title") else None,
        time_zone=request.time_zone if request.HasField("time_zone") else None,
        working_hours=_hours(request),
        locale=request.locale if request.HasField("locale") else None,
        department_ids=request.department_ids if request.set_departments else None,
        roles=request.roles if request.set_roles else None,
    )


def _hours(
    request: pb.CreatePersonRequest | pb.UpdatePersonRequest | pb.ImportedPerson,
    *,
    field: str = "working_hours",
) -> WorkingHours | None:
    if not request.HasField("working_hours"):
        return None
    return hours_of(request.working_hours, field=field)


def _imported(person: pb.ImportedPerson, index: int) -> Imported:
    return Imported(
        external_id=person.external_id,
        handle=person.handle,
        display_name=person.display_name,
        email=person.email,
        title=person.title,
        time_zone=person.time_zone,
        locale=person.locale,
        deactivated=person.deactivated,
        service_account=person.service_account,
        department_ids=tuple(person.department_ids),
        password=person.password,
        working_hours=_hours(person, field=f"people[{index}].working_hours"),
    )
