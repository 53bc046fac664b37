"""The queue of e-mails: due ones are claimed in turns, those of one conversation together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from plexuskit.mongo import ASCENDING, Database, Index, Transaction

from notify.domain.definitions import Kinds
from notify.domain.notifications import Notification
from notify.domain.outcomes import State
from notify.store.documents import notification_of
from notify.store.notifications import SCHEMA_VERSION

# Notifications of one mail; further ones make the next mail.
MAX_JOINED: Final = 100
_WAITING: Final = {"mail_due_at": {"$exists": True}}
_TURNS: Final = "mail_turns"
_PLACES: Final = "mail_places"
_CLAIMED_FIELDS: Final = {
    "person_id": 1,
    "source.conversation_id": 1,
    "mail_turn": 1,
    "mail_due_at": 1,
    "email": 1,
}

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DueMail:
    """The notifications of one person that leave in one mail, oldest first.

    Attributes:
        notifications: one, or several of one conversation; all have the claim's lease.
        mail: the delivery id that its Message-ID is made of.
        ambiguous: the server may have it already: a sender ended, or a connection did, before its
            answer was stored. Nothing joins such a mail, so that repeats are equal (NTF-2).
    """

    notifications: tuple[Notification, ...]
    mail: str
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """Mails that one sender has taken.

    Attributes:
        mails: at most as many as were asked for.
        turn: the last sender in the order of turns; the next claim begins after it.
        more: whether further mails may be due.
    """

    mails: tuple[DueMail, ...]
    turn: str
    more: bool


class MailStore:
    """The open e-mails in the collection `notifications`."""

    def __init__(self, db: Database, kinds: Kinds) -> None:
        self._kinds = kinds
        self._notifications = db.collection("notifications", schema_version=SCHEMA_VERSION)

    async def ensure_indexes(self) -> None:
        """Create the indexes of the queue; mails of an earlier release get a turn."""
        await self._notifications.ensure_indexes(
            [
                Index(
                    keys=[("mail_turn", ASCENDING), ("mail_due_at", ASCENDING)],
                    partial=_WAITING,
                    name=_TURNS,
                ),
                Index(
                    keys=[
                        ("person_id", ASCENDING),
                        ("source.conversation_id", ASCENDING),
                        ("_id", ASCENDING),
                    ],
                    partial=_WAITING,
                    name=_PLACES,
                ),
                Index(
                    keys=[("tenant_id", ASCENDING), ("mail_due_at", ASCENDING)],
                    partial=_WAITING,
                    name="tenant_mails",
                ),
            ]
        )
        await self._notifications.update_many(
            {"mail_turn": None, **_WAITING}, [{"$set": {"mail_turn": "$person_id"}}]
        )

    async def claim_due(
        self, *, lease: str, until: datetime, now: datetime, limit: int, after: str = ""
    ) -> Claim:
        """Take due e-mails for one process: the same number of each sender of messages, in turns.

        A mail waits for a number of others' mails that depends on how many people send, and not on
        how much any of them sends. Waiting notifications of the same person about the same
        conversation come with it, from all senders, at most `MAX_JOINED`.

        By compare-and-set: a mail is taken only while it is due, and taking it makes it due at the
        lease's end and not before, so no two processes have the same one.

        Args:
            lease: this claim's own token.
            until: when the mails are due again.
            now: the current time.
            limit: how many to take.
            after: the turn of the last claim.
        """
        heads, more = await self._heads(after, now=now, limit=limit)
        groups = await self._groups(heads, now=now)
        firsts = [group[0]["_id"] for group in groups]
        if not firsts:
            return Claim((), turn=heads[-1]["mail_turn"] if heads else "", more=False)
        await self._take(firsts, lease=lease, until=until, now=now)
        own = await self._notifications.find_all(
            {"_id": {"$in": firsts}, "email.lease": lease}, projection={"_id": 1}
        )
        taken = {document["_id"] for document in own}
        groups = [group for group in groups if group[0]["_id"] in taken]
        others = [each["_id"] for group in groups for each in group[1:]]
        if others:
            await self._take(others, lease=lease, until=until, now=now)
        held = await self.held([*taken, *others], lease=lease)
        found = {each.id: each for each in held}
        mails = tuple(_mail(group, found) for group in groups)
        return Claim(mails, turn=heads[-1]["mail_turn"], more=more and bool(mails))

    async def held(
        self, notification_ids: Sequence[str], *, lease: str, tx: Transaction | None = None
    ) -> list[Notification]:
        """Return the notifications whose e-mail this lease still holds, oldest first."""
        found = await self._notifications.find_all(
            {"_id": {"$in": list(notification_ids)}, "email.lease": lease}, tx=tx
        )
        held = [notification_of(document, kinds=self._kinds) for document in found]
        return sorted(held, key=lambda each: each.id)

    async def release(self, mail: DueMail, *, lease: str, now: datetime) -> None:
        """Release a claimed mail that was not tried: it is due at once."""
        free = {
            "email.lease": "",
            "email.mail": mail.mail if mail.ambiguous else "",
            "email.attempts": {"$max": [0, {"$subtract": ["$email.attempts", 1]}]},
            "mail_due_at": now,
        }
        ids = [each.id for each in mail.notifications]
        await self._notifications.update_many(
            {"_id": {"$in": ids}, "email.lease": lease}, [{"$set": free}]
        )

    async def _heads(self, after: str, *, now: datetime, limit: int) -> tuple[list[Document], bool]:
        """Return what is due first of each sender, from a turn on, and whether more may be due."""
        turns = await self._turns(after, now=now, limit=limit)
        share = limit // max(len(turns), 1)
        if share <= 1:
            return turns, bool(turns)
        heads: list[Document] = []
        more = False
        for turn in turns:
            due = await self._notifications.find_all(
                {"mail_turn": turn["mail_turn"], "mail_due_at": {"$lte": now}},
                projection=_CLAIMED_FIELDS,
                sort=[("mail_due_at", ASCENDING)],
                limit=share,
                hint=_TURNS,
            )
            heads += due
            more = more or len(due) == share
        return heads, more

    async def _turns(self, after: str, *, now: datetime, limit: int) -> list[Document]:
        """Return the first due mail of each sender, beginning after one and going round once.

        One seek in the index for each sender: a query for all would read all that one has sent.
        """
        found: list[Document] = []
        at, around = after, False
        while len(found) < limit:
            bounds = {"$gt": at, "$lte": after} if around else {"$gt": at}
            first = await self._notifications.find_all(
                {"mail_turn": bounds, "mail_due_at": {"$lte": now}},
                projection=_CLAIMED_FIELDS,
                sort=[("mail_turn", ASCENDING), ("mail_due_at", ASCENDING)],
                limit=1,
                hint=_TURNS,
            )
            if first:
                found.append(first[0])
                at = first[0]["mail_turn"]
            elif around or not after:
                break
            else:
                at, around = "", True
        return found

    async def _groups(
        self, heads: Sequence[Document], *, now: datetime
    ) -> list[tuple[Document, ...]]:
        """Return what leaves with each of the due mails, oldest first; a place comes once."""
        groups: list[tuple[Document, ...]] = []
        places: set[tuple[str, str]] = set()
        for head in heads:
            conversation = head["source"]["conversation_id"]
            if not conversation:
                groups.append((head,))
                continue
            place = head["person_id"], conversation
            if place in places:
                continue
            places.add(place)
            waiting = await self._notifications.find_all(
                {"person_id": place[0], "source.conversation_id": place[1], **_WAITING},
                projection=_CLAIMED_FIELDS,
                sort=[("_id", ASCENDING)],
                limit=2 * MAX_JOINED,
                hint=_PLACES,
            )
            if group := _group(head, waiting, now=now):
                groups.append(group)
        return groups

    async def _take(
        self, ids: Sequence[str], *, lease: str, until: datetime, now: datetime
    ) -> None:
        free = {"$or": [{"mail_due_at": {"$lte": now}}, {"email.lease": ""}]}
        taken = {
            "email.lease": lease,
            "email.attempts": {"$add": ["$email.attempts", 1]},
            "email.first_attempt_at": {"$ifNull": ["$email.first_attempt_at", now]},
            "mail_due_at": until,
        }
        await self._notifications.update_many(
            {"_id": {"$in": list(ids)}, **_WAITING, **free}, [{"$set": taken}]
        )


def _group(head: Document, waiting: Iterable[Document], *, now: datetime) -> tuple[Document, ...]:
    """Return what leaves with a due mail; nothing while another process has mails of the place."""
    waiting = list(waiting)
    if mark := _mark(head):
        return tuple(each for each in waiting if _mark(each) == mark) or (head,)
    if any(each["email"]["lease"] and each["mail_due_at"] > now for each in waiting):
        return ()
    joined = [each for each in waiting if not _mark(each) and _may_leave(each, now=now)]
    return tuple(joined[:MAX_JOINED]) or (head,)


def _mark(document: Document) -> str:
    """Return the name of an ambiguous mail: that of an earlier one, or the lease that ran out."""
    email = document["email"]
    return str(email.get("mail", "") or email["lease"])


def _may_leave(document: Document, *, now: datetime) -> bool:
    """Return whether a mail may leave with a due one; that of an unknown person waits for its time.

    Quiet hours are those of the person: they are over for all, or each is deferred again.
    """
    email = document["email"]
    return bool(
        document["mail_due_at"] <= now or email["attempts"] > 0 or email["state"] == State.DEFERRED
    )


def _mail(group: Sequence[Document], found: Mapping[str, Notification]) -> DueMail:
    first = group[0]["email"]
    return DueMail(
        notifications=tuple(found[each["_id"]] for each in group if each["_id"] in found),
        mail=first.get("mail", "") or first["id"],
        ambiguous=bool(_mark(group[0])),
    )
