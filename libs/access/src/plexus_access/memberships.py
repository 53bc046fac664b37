"""Members of objects, from facts and snapshots that come in any order.

A version is a position in the owner's order of changes. A fact counts only if it is newer than the
known state; of a snapshot and the known state the newer one wins, object by object. Facts that
arrive while a snapshot is read are applied at once, and again to the snapshot: in any order the
result is the same.
"""

from collections.abc import Callable, Iterable
from typing import Final

from plexus_access.objects import Object
from plexus_access.records import Members

_NOBODY: Final[frozenset[str]] = frozenset()

_Change = Callable[[], object]


class _Load:
    """Changes since the request of a snapshot."""

    __slots__ = ("again", "previous", "stale")

    def __init__(self) -> None:
        # By object: the members before the first change, and the changes in order.
        self.previous: dict[Object, Members | None] = {}
        self.again: dict[Object, list[_Change]] = {}
        self.stale: set[Object] = set()


class Memberships:
    """The members of every object of one tenant.

    `members` and `stale` are always the same two objects, so that they can be held on to.
    """

    def __init__(self) -> None:
        self.members: dict[Object, Members] = {}
        # Objects with a missing change of members: their owner is queried.
        self.stale: set[Object] = set()
        self._loads: dict[frozenset[str], _Load] = {}

    def begin(self, kinds: frozenset[str]) -> None:
        """Start recording changes during a snapshot; if already started, continue."""
        self._loads.setdefault(kinds, _Load())

    def put(self, members: Members) -> bool:
        """Apply the whole membership of an object; return whether it was new."""
        self._note(members.object, lambda: self._put(members))
        return self._put(members)

    def change(
        self,
        object_: Object,
        *,
        version: int,
        joined: Iterable[str],
        left: Iterable[str],
        begins: bool = False,
    ) -> bool:
        """Apply one change of a membership; return whether it was new.

        A change of an unknown membership marks the object as incomplete: it may have other members.
        """
        came, went = frozenset(joined), frozenset(left)

        def apply() -> bool:
            return self._change(object_, version, came, went, begins=begins)

        self._note(object_, apply)
        return apply()

    def mark_stale(self, object_: Object) -> None:
        """Record that a change of an object's members is missing."""
        self.stale.add(object_)
        for load in self._loads_of(object_):
            load.stale.add(object_)

    def restore(self, members: Members) -> None:
        """Replace the state of an object by its owner's answer, which resolves the gap.

        The caller makes sure that the answer contains every change applied before the question,
        and applies those since then once more.
        """
        object_ = members.object
        self.members[object_] = members
        self.stale.discard(object_)
        for load in self._loads_of(object_):
            load.previous[object_] = members
            load.again.pop(object_, None)
            load.stale.discard(object_)

    def settle(self, kinds: frozenset[str], snapshot: Iterable[Members]) -> None:
        """Apply a snapshot of all objects of some kinds; objects in neither it nor facts are gone.

        Args:
            kinds: kinds of objects.
            snapshot: the owner's snapshot. Version 0 stands for an owner without versions: then the
                snapshot wins.
        """
        load = self._loads.pop(kinds, None) or _Load()
        gone = {each for each in self.members if each.kind in kinds}
        for received in snapshot:
            object_ = received.object
            known = load.previous.get(object_, self.members.get(object_))
            newer = known is not None and 0 < received.version < known.version
            self.members[object_] = known if newer and known is not None else received
            if not newer and object_ not in load.stale:
                self.stale.discard(object_)
            gone.discard(object_)
        for object_ in gone:
            del self.members[object_]
        self.stale -= gone - load.stale
        for changes in load.again.values():
            for change in changes:
                change()

    def _put(self, members: Members) -> bool:
        self.stale.discard(members.object)
        previous = self.members.get(members.object)
        if previous is not None and members.version <= previous.version:
            return False
        self.members[members.object] = members
        return True

    def _change(
        self,
        object_: Object,
        version: int,
        joined: frozenset[str],
        left: frozenset[str],
        *,
        begins: bool,
    ) -> bool:
        previous = self.members.get(object_)
        if previous is not None and version <= previous.version:
            return False
        if previous is None and not begins:
            self.stale.add(object_)
        people = previous.people if previous is not None else _NOBODY
        self.members[object_] = Members(
            object=object_, version=version, people=people.difference(left).union(joined)
        )
        return True

    def _note(self, object_: Object, change: _Change) -> None:
        for load in self._loads_of(object_):
            load.previous.setdefault(object_, self.members.get(object_))
            load.again.setdefault(object_, []).append(change)

    def _loads_of(self, object_: Object) -> Iterable[_Load]:
        return [load for kinds, load in self._loads.items() if object_.kind in kinds]
