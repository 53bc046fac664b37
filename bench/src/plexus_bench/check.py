"""Invariants of a run: identity and order of every message, not only counts."""

from collections import Counter
from collections.abc import Iterable, Sequence

from plexus_bench.system import Conversation, StoredLog
from plexus_bench.tally import Heard, Tally

MAX_NAMED = 3


def violations(
    tally: Tally, conversation: Conversation, stored: StoredLog, *, senders: dict[str, str]
) -> list[str]:
    """Compare a conversation's acknowledgements, deliveries and store; return the violations.

    Every acknowledged message is stored; every stored one was acknowledged or reported as failed to
    its sender; each listener received exactly the stored messages in their order, each once, with
    the numbers 1, 2, 3 … if the system has numbers.

    Args:
        tally: The run.
        conversation: The conversation.
        stored: The content of its store.
        senders: Prefix of the refs of each person's own messages.
    """
    found = [f"store: {problem}" for problem in stored.problems]
    found += _repeats(stored.refs, what="stored")
    acknowledged, refs = tally.acknowledged[conversation.id], set(stored.refs)
    found += _named("acknowledged and not stored", acknowledged - refs)
    found += _named("stored and never acknowledged", refs - acknowledged - tally.failures.keys())
    for person in conversation.members:
        heard = tally.heard.get((person, conversation.id))
        if heard is not None:
            own = "" if conversation.echoes else senders.get(person, "")
            wanted = [ref for ref in stored.refs if not own or not ref.startswith(own)]
            found += [f"{person}: {problem}" for problem in differences(heard, wanted)]
    return [f"{conversation.id}: {problem}" for problem in found]


def differences(heard: Heard, wanted: Sequence[str]) -> list[str]:
    """Compare the messages that a listener received with the expected ones; return violations."""
    refs = [ref for ref, _ in heard]
    found = _repeats(refs, what="delivered")
    found += _named("stored and not delivered", set(wanted) - set(refs))
    found += _named("delivered and not stored", set(refs) - set(wanted))
    if not found and refs != list(wanted):
        first = next(
            at for at, (one, two) in enumerate(zip(refs, wanted, strict=True)) if one != two
        )
        found.append(f"delivered {refs[first]} where {wanted[first]} should be, at {first + 1}")
    numbers = [number for _, number in heard]
    if any(numbers) and not found and numbers != list(range(1, len(numbers) + 1)):
        wrong = next(at for at, number in enumerate(numbers, start=1) if number != at)
        found.append(f"number {numbers[wrong - 1]} where {wrong} should be")
    return found


def _repeats(refs: Iterable[str], *, what: str) -> list[str]:
    return _named(
        f"{what} more than once", {ref for ref, times in Counter(refs).items() if times > 1}
    )


def _named(what: str, refs: set[str]) -> list[str]:
    if not refs:
        return []
    shown = ", ".join(sorted(refs)[:MAX_NAMED])
    return [f"{len(refs)} {what}: {shown}{' …' if len(refs) > MAX_NAMED else ''}"]
