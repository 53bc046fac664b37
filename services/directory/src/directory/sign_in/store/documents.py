"""Documents of second factors, sign-ins on their way, providers and policies."""

from typing import Final

from plexuskit.mongo import Computed, Documents

from directory.sign_in.domain.challenges import SignInChallenge
from directory.sign_in.domain.openid import Attempt, Link, Provider
from directory.sign_in.domain.second_factors import Factor
from directory.sign_in.domain.sign_in_policies import SignInPolicy

FACTORS: Final = Documents(
    Factor,
    names={"id": "_id"},
    # Absent rather than empty: the unique index holds only passkeys.
    omitted=("credential_id",),
)
CHALLENGES: Final = Documents(SignInChallenge, names={"key": "_id"})
ATTEMPTS: Final = Documents(Attempt, names={"key": "_id"})
PROVIDERS: Final = Documents(
    Provider,
    names={"id": "provider_id"},
    computed={"_id": Computed(lambda provider: f"{provider.tenant_id}:{provider.id}")},
)
LINKS: Final = Documents(Link, names={"id": "_id"})
SIGN_IN_POLICIES: Final = Documents(SignInPolicy, names={"tenant_id": "_id"})
