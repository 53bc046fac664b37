import pytest
from plexuskit import metrics
from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest


def test_the_metrics_of_the_plumbing_have_their_names_and_labels() -> None:
    metrics.CONSUMER_LAG.labels(group="search.indexer", topic="t").set(3)
    metrics.CONSUMER_BATCH_SIZE.labels(group="g").observe(5)
    metrics.CONSUMER_RECORDS_TOTAL.labels(group="g", outcome="handled").inc()
    metrics.DLQ_DEPTH.labels(group="g").set(1)
    metrics.RPC_SECONDS.labels(rpc_method="m", rpc_response_status_code="OK").observe(0.1)

    text = generate_latest(REGISTRY).decode()

    for sample in (
        "plexus_outbox_age_seconds ",
        "plexus_outbox_pending ",
        "plexus_relay_published_total ",
        "plexus_relay_batch_size_count ",
        'plexus_consumer_lag{group="search.indexer",topic="t"} 3.0',
        'plexus_consumer_batch_size_count{group="g"}',
        'plexus_consumer_records_total{group="g",outcome="handled"}',
        'plexus_dlq_depth{group="g"}',
        'rpc_server_call_duration_seconds_count{rpc_method="m",rpc_response_status_code="OK"}',
        "plexus_loop_lag_seconds_count ",
    ):
        assert f"\n{sample}" in text


def test_declaring_again_returns_the_first_one() -> None:
    first = metrics.counter("plexus_sample_sent_total", "Sent", ["channel"])

    assert metrics.counter("plexus_sample_sent_total", "Sent", ("channel",)) is first
    assert isinstance(first, Counter)
    assert isinstance(metrics.gauge("plexus_sample_open", "Open"), Gauge)
    assert isinstance(metrics.histogram("plexus_sample_seconds", "Time"), Histogram)


def test_the_same_name_with_another_kind_or_other_labels_is_refused() -> None:
    metrics.gauge("plexus_sample_depth", "Depth", ("group",))

    with pytest.raises(ValueError, match="already declared"):
        metrics.gauge("plexus_sample_depth", "Depth", ("topic",))
    with pytest.raises(ValueError, match="already declared"):
        metrics.histogram("plexus_sample_depth", "Depth", ("group",))


@pytest.mark.parametrize(
    "name", ["sent_total", "plexus_Sent_total", "plexus__sent_total", "plexus_sent"]
)
def test_a_counter_with_a_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        metrics.counter(name, "Sent")


@pytest.mark.parametrize("name", ["pending", "plexus_x_total", "plexus_x_count", "plexus.x"])
def test_a_gauge_or_histogram_with_a_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        metrics.gauge(name, "X")
    with pytest.raises(ValueError, match=name):
        metrics.histogram(name, "X")


@pytest.mark.parametrize("label", ["le", "job", "Group", "group-id"])
def test_a_wrong_label_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="label"):
        metrics.gauge("plexus_sample_labelled", "X", (label,))
