"""The relations of an owner's snapshot as a State takes them: memberships, object by object."""

from collections.abc import Iterable

from plexus.authz.v1.authority_pb2 import Relation

from plexus_access.objects import CONVERSATION, PERSON, PROJECT, TASK, Object
from plexus_access.records import Members


class Gathering:
    """Collects the relations of a snapshot, whose frames may split an object's."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, Object], int] = {}
        self._people: dict[tuple[str, Object], set[str]] = {}
        self._projects: dict[tuple[str, Object], str] = {}
        # A person belongs to many objects: their id is kept once, not once for each of them.
        self._subjects: dict[str, tuple[str, str]] = {}

    def add(self, relations: Iterable[Relation]) -> None:
        """Add a frame; relations that decisions are not made from are left out."""
        for relation in relations:
            kind, _, id_ = relation.object.partition(":")
            if kind not in {CONVERSATION, PROJECT, TASK}:
                continue
            key = (relation.tenant_id, Object(kind, id_))
            self._versions[key] = max(relation.version, self._versions.get(key, 0))
            people = self._people.setdefault(key, set())
            for subject in (*relation.subjects, *((relation.subject,) if relation.subject else ())):
                what, whose = self._read(subject)
                if what == PERSON:
                    people.add(whose)
                elif what == PROJECT and kind == TASK:
                    self._projects[key] = whose

    def _read(self, subject: str) -> tuple[str, str]:
        """Return the kind and the id that a subject is written with."""
        read = self._subjects.get(subject)
        if read is None:
            kind, _, id_ = subject.partition(":")
            read = self._subjects[subject] = (kind, id_)
        return read

    def members(self, tenant_id: str) -> list[Members]:
        """Return the collected members of a tenant, object by object."""
        return [
            Members(
                object=object_,
                version=version,
                people=frozenset(self._people[of_tenant, object_]),
                project=self._projects.get((of_tenant, object_), ""),
            )
            for (of_tenant, object_), version in self._versions.items()
            if of_tenant == tenant_id
        ]

    @property
    def tenants(self) -> set[str]:
        """Return ids of the tenants that relations were gathered of."""
        return {tenant_id for tenant_id, _ in self._versions}
