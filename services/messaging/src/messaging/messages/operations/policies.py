"""Changes of a tenant's message policy (MSG-10 to MSG-12)."""

from dataclasses import replace

from plexus_access.roles import holds
from plexuskit.errors import VersionConflict
from plexuskit.grpc import Actor

from messaging.messages.domain.policies import Policy
from messaging.messages.domain.refusals import PolicyDenied
from messaging.messages.store.stores import Store

PERMISSION = "messages.configure"


async def update_messaging_policy(store: Store, *, actor: Actor, policy: Policy) -> Policy:
    """Replace the policy of the caller's tenant; `version` as read, 0 to overwrite any version.

    Raises:
        PolicyDenied: the caller is no administrator.
        InvalidArgument: outside the bounds.
        VersionConflict: the policy was changed since that version.
    """
    if not holds(PERMISSION, roles=actor.roles, extra=actor.extra, scopes=actor.scopes):
        raise PolicyDenied
    policy.check()
    current = await store.policies.get(actor.tenant_id)
    if policy.version and policy.version != current.version:
        raise VersionConflict(expected_version=policy.version, current_version=current.version)
    after = replace(policy, version=current.version + 1)
    await store.policies.save(actor.tenant_id, after)
    return after
