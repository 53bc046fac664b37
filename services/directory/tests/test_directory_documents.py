"""Documents of directory: the bytes of releases, and documents from before a field existed."""

from pathlib import Path
from typing import Final

from directory.access.domain.access_policies import AccessPolicy
from directory.access.domain.modules import Module
from directory.access.domain.role_bindings import Binding
from directory.access.store.documents import ACCESS_POLICIES, MODULES, ROLE_BINDINGS
from directory.accounts.domain.api_tokens import ApiToken
from directory.accounts.domain.sessions import PASSWORD, Session, to_the_minute
from directory.accounts.store.documents import API_TOKENS, SESSIONS, session_from
from directory.people.domain.departments import Department
from directory.people.domain.groups import Group
from directory.people.domain.people import Person
from directory.people.domain.tenants import Tenant
from directory.people.domain.working_hours import DEFAULT
from directory.people.store.documents import DEPARTMENTS, PEOPLE, TENANTS
from directory.people.store.groups import group_document, group_from
from directory.sign_in.domain.challenges import SignInChallenge
from directory.sign_in.domain.openid import Attempt, Link, Provider
from directory.sign_in.domain.second_factors import Factor
from directory.sign_in.domain.sign_in_policies import SignInPolicy
from directory.sign_in.store.documents import (
    ATTEMPTS,
    CHALLENGES,
    FACTORS,
    LINKS,
    PROVIDERS,
    SIGN_IN_POLICIES,
)
from plexus_access.objects import Object, Subject
from plexus_testkit.samples import AT, Mapped, differences, full

_SPENT_AT: Final = full(Session).spent_at or AT
GOLDEN: Final = Path(__file__).with_name("documents.json")
COLLECTIONS: Final = {
    "role_bindings": Mapped(
        model=Binding,
        write=ROLE_BINDINGS.to_document,
        read=ROLE_BINDINGS.from_document,
        given={"subject": Subject("group", "grp_a"), "scope": Object("department", "dep_a")},
    ),
    "access_policies": Mapped(
        model=AccessPolicy, write=ACCESS_POLICIES.to_document, read=ACCESS_POLICIES.from_document
    ),
    "modules": Mapped(model=Module, write=MODULES.to_document, read=MODULES.from_document),
    "sessions": Mapped(
        model=Session,
        write=SESSIONS.to_document,
        read=session_from,
        missing={
            "methods": {"methods": (PASSWORD,)},
            "single_sign_on": {"single_sign_on": ""},
            "last_used_at": {"last_used_at": to_the_minute(_SPENT_AT)},
            "generation": {"generation": 0},
        },
    ),
    "api_tokens": Mapped(
        model=ApiToken,
        write=API_TOKENS.to_document,
        read=API_TOKENS.from_document,
        missing={"made_with": {"made_with": ()}},
    ),
    "people": Mapped(
        model=Person,
        write=PEOPLE.to_document,
        read=PEOPLE.from_document,
        missing={
            "working_hours": {"working_hours": DEFAULT},
            "external_id": {"external_id": ""},
            "posts": {"posts": ()},
            "skills": {"skills": ()},
            "manager_id": {"manager_id": ""},
            "guest_expires_at": {"guest_expires_at": None},
            "absence": {"absence": None},
            "employee_number": {"employee_number": ""},
            "former_handles": {"former_handles": ()},
            "cost_center": {"cost_center": ""},
            "group_ids": {"group_ids": ()},
            "reactivated_at": {"reactivated_at": None},
        },
    ),
    "departments": Mapped(
        model=Department,
        write=DEPARTMENTS.to_document,
        read=DEPARTMENTS.from_document,
        missing={
            "external_id": {"external_id": ""},
            "leader_id": {"leader_id": ""},
            "closed": {"closed": False},
            "merged_into_id": {"merged_into_id": ""},
        },
    ),
    "tenants": Mapped(
        model=Tenant,
        write=TENANTS.to_document,
        read=TENANTS.from_document,
        missing={"working_hours": {"working_hours": DEFAULT}},
    ),
    "groups": Mapped(model=Group, write=group_document, read=group_from, given={"removed": False}),
    "factors": Mapped(
        model=Factor,
        write=FACTORS.to_document,
        read=FACTORS.from_document,
        missing={"credential_id": {"credential_id": b""}},
    ),
    "challenges": Mapped(
        model=SignInChallenge, write=CHALLENGES.to_document, read=CHALLENGES.from_document
    ),
    "attempts": Mapped(model=Attempt, write=ATTEMPTS.to_document, read=ATTEMPTS.from_document),
    "providers": Mapped(model=Provider, write=PROVIDERS.to_document, read=PROVIDERS.from_document),
    "links": Mapped(model=Link, write=LINKS.to_document, read=None),
    "sign_in_policies": Mapped(
        model=SignInPolicy, write=SIGN_IN_POLICIES.to_document, read=SIGN_IN_POLICIES.from_document
    ),
}


def test_documents_are_stored_as_releases_store_them(tmp_path: Path) -> None:
    assert differences(GOLDEN, COLLECTIONS, made=tmp_path / "documents.json") == []
