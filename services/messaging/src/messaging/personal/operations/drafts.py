"""Drafts, kept in sync across a person's devices."""

from datetime import datetime

from plexuskit.errors import InvalidArgument
from plexuskit.grpc import Actor
from plexuskit.mongo import Transaction

from messaging.conversations.queries.seats import seat
from messaging.messages.operations.threads import require_root
from messaging.personal.domain.drafts import DRAFT_LIMIT, Draft, newest
from messaging.personal.domain.refusals import TooManyDrafts
from messaging.personal.events import draft_saved
from messaging.personal.store.stores import Store


async def save_draft(store: Store, *, actor: Actor, draft: Draft, now: datetime) -> Draft:
    """Store a draft unless a newer one exists, and return the stored one; delete one without text.

    Raises:
        ConversationNotFound: the caller is no member (GW-2).
        MessageNotFound: no such thread that the caller may see.
        TooManyDrafts: 1,000 are kept.
        InvalidArgument: a negative thread.
    """
    await _check_place(store, actor=actor, draft=draft)

    async def work(tx: Transaction) -> Draft:
        current = await store.drafts.find(draft.key, tx=tx)
        kept, is_new = newest(current, draft, now=now)
        if not is_new:
            return kept
        had_words = current is not None and current.has_words
        if kept.has_words and not had_words:
            await _check_room(store, actor=actor, tx=tx)
        await store.drafts.save(kept, tx=tx)
        if kept.has_words or had_words:
            await store.outbox.add(draft_saved(kept, now=now), tx=tx)
        return kept

    return await store.transact(work)


async def _check_place(store: Store, *, actor: Actor, draft: Draft) -> None:
    key = draft.key
    if key.root_seq < 0:
        raise InvalidArgument(field="root_seq", problem="is negative")
    place = await seat(store, actor=actor, conversation_id=key.conversation_id)
    if key.root_seq:
        await require_root(store, place, root_seq=key.root_seq)


async def _check_room(store: Store, *, actor: Actor, tx: Transaction) -> None:
    """Refuse one draft too many; those that are not shown any more do not count."""
    if await store.drafts.count(actor.person_id, tx=tx) < DRAFT_LIMIT:
        return
    places = await store.drafts.places(actor.person_id, tx=tx)
    still_in = await store.conversations.still_in(actor.person_id, set(places), tx=tx)
    if sum(place in still_in for place in places) >= DRAFT_LIMIT:
        raise TooManyDrafts(limit=DRAFT_LIMIT)
