"""The part of plexus.directory.v1.DirectoryService that is about people."""

from typing import Any

from plexus.directory.v1 import directory_service_pb2 as pb
from plexus.directory.v1.directory_service_pb2_grpc import DirectoryServiceServicer
from plexuskit.clock import Clock
from plexuskit.request_ids import request_of

from directory.accounts.operations.hashing import Hashing
from directory.people import operations, queries
from directory.people.api.translation import (
    absence_of,
    changes_of,
    draft_of,
    imported_of,
    profile_changes_of,
    shown_to,
)
from directory.people.events import person_to_proto
from directory.people.store import Store
from directory.shared.api.translation import acting


class PeopleApi(DirectoryServiceServicer):
    """People: making, changing, reading and importing them."""

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
            draft=draft_of(request),
            password=request.password,
            request=request_of(request),
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
            changes=changes_of(request),
            expected_version=request.expected_version,
            reason=request.reason,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.UpdatePersonResponse(person=person_to_proto(person))

    async def DeactivatePerson(
        self, request: pb.DeactivatePersonRequest, context: Any
    ) -> pb.DeactivatePersonResponse:
        """Deactivate a person, who can no longer sign in."""
        actor = acting()
        person = await operations.deactivate_person(
            self._store,
            actor=actor,
            person_id=request.person_id,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.DeactivatePersonResponse(person=person_to_proto(person))

    async def ReactivatePerson(
        self, request: pb.ReactivatePersonRequest, context: Any
    ) -> pb.ReactivatePersonResponse:
        """Reactivate a deactivated person."""
        actor = acting()
        person = await operations.reactivate_person(
            self._store,
            actor=actor,
            person_id=request.person_id,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.ReactivatePersonResponse(person=person_to_proto(person))

    async def SetAbsence(
        self, request: pb.SetAbsenceRequest, context: Any
    ) -> pb.SetAbsenceResponse:
        """Plan an absence, or end it."""
        actor = acting()
        person = await operations.set_absence(
            self._store,
            actor=actor,
            person_id=request.person_id,
            absence=absence_of(request.absence) if request.HasField("absence") else None,
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.SetAbsenceResponse(person=person_to_proto(person))

    async def UpdateProfile(
        self, request: pb.UpdateProfileRequest, context: Any
    ) -> pb.UpdateProfileResponse:
        """Update the caller's own profile."""
        actor = acting()
        person = await operations.update_profile(
            self._store,
            actor=actor,
            changes=profile_changes_of(request),
            request=request_of(request),
            now=self._clock.now(),
        )
        return pb.UpdateProfileResponse(person=person_to_proto(person))

    async def GetPerson(self, request: pb.GetPersonRequest, context: Any) -> pb.GetPersonResponse:
        """Load one person."""
        actor = acting()
        person = await queries.get_person(
            self._store,
            actor=actor,
            person_id=request.person_id,
            handle=request.handle,
            me=request.me,
        )
        return pb.GetPersonResponse(person=shown_to(actor, person))

    async def BatchGetPeople(
        self, request: pb.BatchGetPeopleRequest, context: Any
    ) -> pb.BatchGetPeopleResponse:
        """Load several people."""
        actor = acting()
        people = await queries.batch_get_people(
            self._store,
            actor=actor,
            person_ids=request.person_ids,
            handles=request.handles,
        )
        return pb.BatchGetPeopleResponse(people=[shown_to(actor, each) for each in people])

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
            imported=[imported_of(person, index) for index, person in enumerate(request.people)],
            now=self._clock.now(),
        )
        return pb.ImportPeopleResponse(
            people=map(person_to_proto, outcome.people),
            created=outcome.created,
            changed=outcome.changed,
            unchanged=outcome.unchanged,
        )
