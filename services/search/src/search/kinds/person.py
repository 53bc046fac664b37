"""People, readable in their tenant; service accounts are indexed and never found."""

from typing import Final

from plexus.directory.v1 import events_pb2 as facts
from plexus.directory.v1.people_pb2 import Person
from plexus.event.v1.envelope_pb2 import Envelope
from plexus.topics import SEARCH_PEOPLE
from plexus_access.objects import PERSON

from search.domain.definitions import Definition
from search.domain.documents import Document, container, without_marks
from search.domain.types import AT, KEYS, DocumentType, Field
from search.events import by_name, check_entity, fact_of, instant, lower_name

_COLUMNS: Final = "plexus.directory.v1.Person"
_FACTS: Final = by_name(facts.PersonAdded, facts.PersonChanged, facts.PersonDeactivated)

TYPE: Final = DocumentType(
    name="person",
    number=3,
    plural="people",
    owner="directory",
    permission="people.read",
    object_kind=PERSON,
    counts_silent=False,
    columns={
        "title": (f"{_COLUMNS}.display_name",),
        "text": (f"{_COLUMNS}.title",),
        "names": (f"{_COLUMNS}.handle", f"{_COLUMNS}.email"),
        KEYS: (f"{_COLUMNS}.id", f"{_COLUMNS}.handle", f"{_COLUMNS}.email"),
        AT: (f"{_COLUMNS}.created_at",),
    },
    fields={
        "handle": Field.KEYWORD,
        "email": Field.STORED,
        "departments": Field.KEYWORD,
        "state": Field.KEYWORD,
        "kind": Field.KEYWORD,
    },
)


def _read(envelope: Envelope) -> Document | None:
    """Make the document of a person; accounts of machines are kept silent."""
    fact = fact_of(envelope, _FACTS)
    if fact is None:
        return None
    person: Person = fact.person
    check_entity(envelope, person.id)
    return Document(
        type=TYPE,
        id=person.id,
        tenant_id=envelope.tenant_id,
        version=envelope.entity_version,
        containers=(container("tenant", envelope.tenant_id),),
        silent=person.kind in {Person.KIND_SERVICE_ACCOUNT, Person.KIND_BOOTSTRAP},
        at=instant(person.created_at),
        title=without_marks(person.display_name),
        text=without_marks(person.title),
        names=tuple(each for each in (person.handle, person.email) if each),
        keys=tuple(each for each in (person.id, person.handle, person.email) if each),
        details={
            "handle": person.handle,
            "email": person.email,
            "departments": list(person.department_ids),
            "state": lower_name(Person.State.Name(person.state), "STATE_"),
            "kind": lower_name(Person.Kind.Name(person.kind), "KIND_"),
        },
    )


DEFINITION: Final = Definition(type=TYPE, group=SEARCH_PEOPLE, read=_read)
