"""Every metric of the shared plumbing, declared once with its kind and meaning."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram

Metric = Counter | Gauge | Histogram
MetricT = TypeVar("MetricT", Counter, Gauge, Histogram)

# `rpc.server.call.duration` of OpenTelemetry is `rpc_server_call_duration_seconds` here.
_CONVENTIONS = "rpc", "messaging", "db", "http"
_NAME = re.compile(rf"(plexus|{'|'.join(_CONVENTIONS)})(_[a-z][a-z0-9]*)+")
_LABEL = re.compile(r"[a-z][a-z0-9_]*")
# Labels that prometheus_client or the exposition format add by themselves.
_RESERVED_LABELS = {"le", "quantile", "job", "instance"}
_RESERVED_SUFFIXES = ("_bucket", "_count", "_sum", "_created", "_info")

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

_declared: dict[str, Metric] = {}
_labels: dict[str, tuple[str, ...]] = {}


def counter(
    name: str,
    help: str,  # noqa: A002 - prometheus_client's own name for it
    labels: Sequence[str] = (),
) -> Counter:
    """Declare a count that only grows; its name ends in `_total`.

    Declaring the same name again with the same kind and labels returns the first one.

    Raises:
        ValueError: the name or a label breaks the rules, or the name is taken by another metric.
    """
    if not name.endswith("_total"):
        raise ValueError(f"a counter's name ends in _total: {name}")
    return _declare(Counter, name, labels, lambda: Counter(name, help, tuple(labels)))


def gauge(
    name: str,
    help: str,  # noqa: A002 - prometheus_client's own name for it
    labels: Sequence[str] = (),
) -> Gauge:
    """Declare a value that goes up and down; rules and refusals as for `counter`."""
    _refuse_total(name)
    return _declare(Gauge, name, labels, lambda: Gauge(name, help, tuple(labels)))


def histogram(
    name: str,
    help: str,  # noqa: A002 - prometheus_client's own name for it
    labels: Sequence[str] = (),
    *,
    buckets: Sequence[float] = SECONDS,
) -> Histogram:
    """Declare a distribution; rules and refusals as for `counter`."""
    _refuse_total(name)
    return _declare(
        Histogram, name, labels, lambda: Histogram(name, help, tuple(labels), buckets=buckets)
    )


def _refuse_total(name: str) -> None:
    if name.endswith("_total"):
        raise ValueError(f"only a counter's name ends in _total: {name}")


def _declare(
    kind: type[MetricT], name: str, labels: Sequence[str], make: Callable[[], MetricT]
) -> MetricT:
    if not _NAME.fullmatch(name) or name.endswith(_RESERVED_SUFFIXES):
        raise ValueError(
            f"a metric is called plexus_<service>_<noun>, or as OpenTelemetry calls it: {name}"
        )
    for label in labels:
        if not _LABEL.fullmatch(label) or label in _RESERVED_LABELS:
            raise ValueError(f"{name} cannot have the label {label}")

    known = _declared.get(name)
    if known is None:
        made = make()
        _declared[name] = made
        _labels[name] = tuple(labels)
        return made
    if not isinstance(known, kind) or _labels[name] != tuple(labels):
        raise ValueError(f"{name} is already declared with another kind or other labels")
    return known


OUTBOX_AGE_SECONDS = gauge(
    "plexus_outbox_age_seconds", "Age of the oldest fact that is stored but not yet published"
)
OUTBOX_PENDING = gauge("plexus_outbox_pending", "Facts that are stored but not yet published")
RELAY_PUBLISHED_TOTAL = counter(
    "plexus_relay_published_total", "Facts that Kafka acknowledged to the relay"
)
RELAY_BATCH_SIZE = histogram(
    "plexus_relay_batch_size", "Facts per batch that the relay sent to Kafka", buckets=SIZES
)
CONSUMER_LAG = gauge(
    "plexus_consumer_lag", "Records behind the end of the topic", ("group", "topic")
)
CONSUMER_BATCH_SIZE = histogram(
    "plexus_consumer_batch_size", "Records per batch that was handled", ("group",), buckets=SIZES
)
CONSUMER_RECORDS_TOTAL = counter(
    "plexus_consumer_records_total", "Records by what became of them", ("group", "outcome")
)
CONSUMER_HELD_SECONDS = gauge(
    "plexus_consumer_held_seconds", "How long the longest held partition has waited", ("group",)
)
DLQ_DEPTH = gauge("plexus_dlq_depth", "Dead letters that wait to be looked at", ("group",))
RPC_SECONDS = histogram(
    "rpc_server_call_duration_seconds",
    "Time from a request to its answer",
    ("rpc_method", "rpc_response_status_code"),
)
LOOP_LAG_SECONDS = histogram(
    "plexus_loop_lag_seconds", "How late the event loop wakes a sleeper: time something blocked it"
)
# Longest turn of an event loop that a single request may cause (GW-13); an edge of the histogram.
MAX_TURN_SECONDS = 0.1
LOOP_TURN_SECONDS = histogram(
    "plexus_loop_turn_seconds",
    "CPU time of one turn of the event loop, beyond the interval at which it is measured",
    buckets=(0.01, 0.025, 0.05, MAX_TURN_SECONDS, 0.25, 0.5, 1.0, 2.5),
)
CHECK_OK = gauge("plexus_check_ok", "1 while a health check passes, else 0", ("check",))
