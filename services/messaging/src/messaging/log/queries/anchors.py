"""Newest link of every conversation, for external archives of links (MSG-20)."""

from typing import Final

from plexus.messaging.v1.messaging_service_pb2 import ConversationAnchor
from plexus_access.roles import holds
from plexuskit.grpc import Actor

from messaging.log.domain.refusals import AnchorsDenied
from messaging.log.store.stores import Store

PERMISSION: Final = "conversations.export_anchors"


async def export_conversation_anchors(
    store: Store, *, actor: Actor, after: str, limit: int
) -> tuple[list[ConversationAnchor], str]:
    """Read a page of anchors of the caller's tenant, in order of conversation id.

    A log that ends in version 1 and contains a recall is left out: its links would allow guessing
    the recalled text. It is listed again after its next entry.

    Args:
        store: the store to read, with majority.
        actor: the holder of the permission.
        after: last conversation of the page before; empty: the beginning.
        limit: conversations in the page.

    Returns:
        The anchors, and the conversation after which to continue; empty at the end.

    Raises:
        AnchorsDenied: the caller does not hold the permission.
    """
    if not holds(PERMISSION, roles=actor.roles, extra=actor.extra, scopes=actor.scopes):
        raise AnchorsDenied
    heads = await store.heads.list_of(actor.tenant_id, after=after, limit=limit + 1)
    page = heads[:limit]
    links = await store.proofs.links(page)
    anchors = [
        ConversationAnchor(
            conversation_id=conversation_id, change_no=number, chain_hash=links[conversation_id]
        )
        for conversation_id, number in page
        if conversation_id in links
    ]
    return anchors, page[-1][0] if len(heads) > limit else ""
