"""Self-tests of the checker: it rejects a log that was tampered with."""

import pytest
from plexus_testkit.conversation_log import LogBroken, checked


@pytest.mark.parametrize(
    "tamper",
    [
        lambda entries: entries[:2] + entries[3:],
        lambda entries: [*entries[:3], entries[2], *entries[3:]],
        lambda entries: [*entries[:2], entries[3], entries[2], *entries[4:]],
        lambda entries: [*entries[:-1], entries[-1] | {"seq": entries[-1]["seq"] + 1}],
        lambda entries: [*entries[:-1], entries[-1] | {"request_id": entries[-2]["request_id"]}],
        lambda entries: [*entries[:-1], entries[-1] | {"body_hash": bytes(32)}],
        lambda entries: [*entries[:-1], entries[-1] | {"event": entries[-2]["event"]}],
        lambda entries: [*entries[:-1], entries[-1] | {"sender_id": "per_another"}],
    ],
    ids=[
        "hole",
        "repeat",
        "swap",
        "skipped-seq",
        "one-request-twice",
        "other-hash",
        "other-event",
        "other-sender",
    ],
)
async def test_a_log_that_was_tampered_with_does_not_pass(room, client, checker, tamper):
    conversation = await room("ann", "bob")
    ann = await client("ann")
    for number in range(5):
        await ann.send(conversation, f"{number}")
    entries = await checker.entries_of(conversation)
    assert len(checked(entries)) == 5

    with pytest.raises(LogBroken):
        checked(tamper(entries))


@pytest.mark.parametrize(
    "seqs", [[1, 2, 2, 3], [1, 3, 2], [2, 3]], ids=["repeat", "order", "missing"]
)
async def test_a_delivery_that_is_not_exactly_the_log_does_not_pass(room, client, checker, seqs):
    conversation = await room("ann", "bob")
    bob = await client("bob")
    bob.of(conversation).seqs = seqs

    with pytest.raises(AssertionError):
        await checker.delivered(conversation, [bob], seqs=[1, 2, 3], within=0.2)
