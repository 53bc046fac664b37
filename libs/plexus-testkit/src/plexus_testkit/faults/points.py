"""Every fault point of the product, its place and the way to reach it.

A point that exists in the code and is missing here fails `tests/architecture/test_fault_points.py`.
"""

from dataclasses import dataclass
from typing import Final

MESSAGING: Final = ("messaging-api", "messaging-api-2")
GATEWAYS: Final = ("gateway", "gateway-2")
RELAY: Final = ("messaging-relay",)
SCHEDULER: Final = ("messaging-scheduler",)
NOTIFY: Final = ("notify",)


@dataclass(frozen=True, kw_only=True)
class Place:
    """One fault point.

    Attributes:
        name: As `fault.point` has it.
        processes: Which pass it; one of them is struck.
        maximum: A fault strikes at one of the first so many passings.
        history_lost: Whether the relay gets there only after its change stream's history was lost.
    """

    name: str
    processes: tuple[str, ...]
    maximum: int
    history_lost: bool = False


POINTS: Final = (
    Place(name="append.after_read", processes=MESSAGING, maximum=40),
    Place(name="append.before_answer", processes=MESSAGING, maximum=40),
    Place(name="send.before_insert", processes=MESSAGING, maximum=40),
    Place(name="send.after_insert", processes=MESSAGING, maximum=40),
    Place(name="send.after_verdicts", processes=MESSAGING, maximum=40),
    Place(name="send.number_taken", processes=MESSAGING, maximum=3),
    Place(name="send.request_taken", processes=MESSAGING, maximum=3),
    Place(name="change.in_transaction", processes=MESSAGING, maximum=3),
    Place(name="change.after_commit", processes=MESSAGING, maximum=3),
    Place(name="alter.in_transaction", processes=MESSAGING, maximum=3),
    Place(name="alter.after_commit", processes=MESSAGING, maximum=3),
    Place(name="cursor.before_log", processes=MESSAGING, maximum=5),
    Place(name="cursor.after_log", processes=MESSAGING, maximum=5),
    Place(name="cursor.after_write", processes=MESSAGING, maximum=5),
    Place(name="heads.before_save", processes=MESSAGING, maximum=2),
    Place(name="heads.after_save", processes=MESSAGING, maximum=2),
    Place(name="relay.before_publish", processes=RELAY, maximum=20),
    Place(name="relay.after_publish", processes=RELAY, maximum=20),
    Place(name="relay.before_progress", processes=RELAY, maximum=4),
    Place(name="relay.after_progress", processes=RELAY, maximum=4),
    Place(name="relay.before_position", processes=RELAY, maximum=4),
    Place(name="relay.after_position", processes=RELAY, maximum=4),
    Place(name="relay.in_replay", processes=RELAY, maximum=2, history_lost=True),
    Place(name="gateway.after_route", processes=GATEWAYS, maximum=40),
    Place(name="gateway.before_ack", processes=GATEWAYS, maximum=40),
    Place(name="gateway.before_apply", processes=GATEWAYS, maximum=40),
    Place(name="gateway.after_apply", processes=GATEWAYS, maximum=40),
    Place(name="gateway.before_forward", processes=GATEWAYS, maximum=20),
    Place(name="gateway.after_forward", processes=GATEWAYS, maximum=20),
    Place(name="schedule.after_claim", processes=SCHEDULER, maximum=3),
    Place(name="schedule.after_send", processes=SCHEDULER, maximum=3),
    Place(name="consumer.after_effect", processes=NOTIFY, maximum=2),
)
