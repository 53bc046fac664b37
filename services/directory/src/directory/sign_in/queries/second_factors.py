"""Reading one's own second factors."""

from dataclasses import dataclass

from directory.shared.domain.actors import Actor, require
from directory.sign_in.domain.second_factors import Factor
from directory.sign_in.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFactors:
    """A person's second factors, and the number of recovery codes left."""

    factors: tuple[Factor, ...]
    recovery_codes_left: int


async def list_second_factors(store: Store, *, actor: Actor) -> OwnFactors:
    """List one's own second factors that work.

    Raises:
        PermissionMissing: the actor may not.
    """
    require(actor, "sessions.set_second_factor")
    factors = await store.factors.list_of(actor.person_id)
    left = await store.recovery_codes.left(actor.person_id)
    return OwnFactors(
        factors=tuple(factor for factor in factors if factor.confirmed),
        recovery_codes_left=len(left),
    )
