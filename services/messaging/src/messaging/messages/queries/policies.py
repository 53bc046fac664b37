"""The message policy of a tenant (MSG-10 to MSG-12)."""

from messaging.messages.domain.policies import Policy
from messaging.messages.store.stores import Store


async def get_messaging_policy(store: Store, *, tenant_id: str) -> Policy:
    """Return the policy of a tenant, or the default one."""
    return await store.policies.get(tenant_id)
