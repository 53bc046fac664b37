"""Instants and durations keep their value in both directions, and refuse what cannot be."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from plexus.event.v1.envelope_pb2 import Envelope
from plexuskit.errors import InvalidArgument
from plexuskit.timestamps import (
    InstantOutOfRange,
    duration,
    instant_of,
    optional_instant,
    optional_timestamp,
    requested_field,
    requested_instant,
    timedelta_of,
    timestamp,
)

INSTANTS = st.datetimes(timezones=st.just(UTC))
AT = datetime(2026, 3, 2, 9, 30, 0, 123_456, tzinfo=UTC)


@given(INSTANTS)
def test_an_instant_reads_back_as_it_was_written(at):
    assert instant_of(timestamp(at)) == at


@given(INSTANTS)
def test_the_library_of_protobuf_agrees(at):
    expected = Timestamp()
    expected.FromDatetime(at)
    assert timestamp(at) == expected
    assert instant_of(expected) == expected.ToDatetime(tzinfo=UTC)


def test_another_zone_is_the_same_instant_and_no_zone_is_refused():
    east = AT.astimezone(timezone(timedelta(hours=8)))
    assert timestamp(east) == timestamp(AT)
    with pytest.raises(TypeError):
        timestamp(AT.replace(tzinfo=None))


def test_nanoseconds_are_cut():
    assert instant_of(Timestamp(seconds=1, nanos=1_999)).microsecond == 1


@pytest.mark.parametrize("seconds", [-(10**15), 10**12, 2**62])
def test_an_instant_outside_the_calendar_is_refused(seconds):
    with pytest.raises(InstantOutOfRange):
        instant_of(Timestamp(seconds=seconds))
    with pytest.raises(InvalidArgument) as refused:
        requested_instant(Timestamp(seconds=seconds), field="until")
    assert refused.value.metadata["field"] == "until"


def test_requests_are_cut_to_the_milliseconds_of_the_database():
    request = Envelope(occurred_at=timestamp(AT))
    assert requested_field(request, "occurred_at") == AT.replace(microsecond=123_000)
    assert optional_instant(request, "occurred_at") == AT


def test_what_is_unset_stays_unset():
    assert requested_field(Envelope(), "occurred_at") is None
    assert optional_instant(Envelope(), "occurred_at") is None
    assert optional_timestamp(None) is None
    assert optional_timestamp(AT) == timestamp(AT)


@given(st.timedeltas(min_value=timedelta(days=-3_000_000), max_value=timedelta(days=3_000_000)))
def test_a_duration_reads_back_as_it_was_written(length):
    assert timedelta_of(duration(length)) == length
