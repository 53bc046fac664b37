"""`python -m plexus_bench.bounds`: cost of checking a request's declared bounds (GW-8).

Decoding alone and decoding with the check alternate in short rounds, so that a busy machine slows
both; CPU time of the thread counts, not the clock.
"""

import statistics
import time
from collections.abc import Callable
from typing import Final

from google.protobuf.message import Message
from plexus.messaging.v1.import_service_pb2 import ImportedMessage
from plexus.messaging.v1.messages_pb2 import Mention, Span
from plexus.messaging.v1.messaging_service_pb2 import SendMessageRequest
from plexus.tasks.v1.tasks_service_pb2 import GetTaskRequest
from plexuskit import bounds

MAX_MICROSECONDS: Final = 5.0
"""Budget of checking a typical SendMessage."""

_ROUNDS: Final = 200
_CALLS: Final = 500
# Fewer calls of large requests, so that rounds stay short.
_BYTES_A_ROUND: Final = 500_000
_ID: Final = "01J0000000000000000000000A"


def main() -> None:
    """Print microseconds of CPU for decoding, for the check, and their ratio."""
    print(f"{'request':<32} {'bytes':>7} {'decode µs':>10} {'check µs':>9} {'check/decode':>13}")
    for name, request in _requests().items():
        decoding, checking = _measured(request)
        size = request.ByteSize()
        ratio = checking / decoding
        print(f"{name:<32} {size:>7,} {decoding:>10.2f} {checking:>9.2f} {ratio:>13.2f}")
    print(f"asked for: a typical SendMessage in at most {MAX_MICROSECONDS} µs")


def _measured(request: Message) -> tuple[float, float]:
    """Return the median microseconds of decoding a request and of checking it."""
    content, read = request.SerializeToString(), type(request).FromString
    calls = max(1, min(_CALLS, _BYTES_A_ROUND // len(content)))
    check = bounds.compiled(request.DESCRIPTOR)

    def decode() -> None:
        read(content)

    def decode_and_check() -> None:
        check(read(content))

    pairs = [
        (_microseconds(decode, calls), _microseconds(decode_and_check, calls))
        for _ in range(_ROUNDS)
    ]
    decoding = statistics.median(alone for alone, _ in pairs)
    return decoding, statistics.median(both - alone for alone, both in pairs)


def _microseconds(call: Callable[[], None], calls: int) -> float:
    began = time.thread_time_ns()
    for _ in range(calls):
        call()
    return (time.thread_time_ns() - began) / calls / 1_000


def _requests() -> dict[str, Message]:
    person = f"per_{_ID}"
    typical = SendMessageRequest(
        conversation_id=f"cnv_{_ID}",
        request_id="0198c1de-7a4e-7cc0-9d3c-2f0a6e0f8f11",
        text="@张伟 the delivery of the second batch is on Thursday, please check the papers. " * 3,
        spans=[Span(start=0, length=3, mention_person_id=person)],
        mentions=[Mention(person_id=person)],
    )
    typical.text = typical.text[:200]
    long = SendMessageRequest()
    long.CopyFrom(typical)
    long.text = "字" * 50_000
    long.spans.extend([Span(start=n, length=1, bold=True) for n in range(1_999)])
    return {
        "GetTask": GetTaskRequest(task_id=f"tsk_{_ID}"),
        "SendMessage, 200 characters": typical,
        "SendMessage, 150 KB, 2,000 spans": long,
        "an imported message": ImportedMessage(
            conversation_id=f"cnv_{_ID}", request_id="slack:C1:1", sender_id=person, text="hello"
        ),
    }


if __name__ == "__main__":
    main()
