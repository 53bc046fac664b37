import os
import random
import re
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plexus.authz.v1.authority_pb2 import ReadMembersRequest
from plexuskit import bounds
from plexuskit.ids import is_id, new_id, time_of
from ulid import ULID

AT = datetime(2026, 3, 2, 1, 0, 0, 123_000, tzinfo=UTC)


def test_an_id_is_its_prefix_and_a_ulid_of_its_instant() -> None:
    made = new_id("msg", now=AT)

    assert re.fullmatch(r"msg_[0-9A-HJKMNP-TV-Z]{26}", made)
    assert ULID.from_str(made.removeprefix("msg_")).datetime == AT


def test_every_millisecond_is_carried_exactly() -> None:
    instants = [AT + timedelta(milliseconds=n) for n in range(2000)]

    carried = [ULID.from_str(new_id("m", now=at)[2:]).milliseconds for at in instants]

    assert carried == list(range(carried[0], carried[0] + 2000))


def test_ids_of_one_millisecond_sort_as_they_were_made() -> None:
    made = [new_id("msg", now=AT) for _ in range(10_000)]

    assert made == sorted(set(made))
    assert len(made) == 10_000


def test_ids_sort_by_time_whatever_the_order_they_are_made_in() -> None:
    instants = [AT + timedelta(milliseconds=n) for n in range(500)]
    shuffled = random.Random(7).sample(instants, k=len(instants))  # noqa: S311 - an order, no secret

    made = {at: new_id("msg", now=at) for at in shuffled}

    assert [made[at] for at in instants] == sorted(made.values())


def test_requests_that_interleave_keep_their_own_order() -> None:
    earlier, later = AT + timedelta(hours=1), AT + timedelta(hours=1, milliseconds=1)

    made = [new_id("msg", now=at) for at in (earlier, later, earlier, later, earlier)]

    assert made[0] < made[2] < made[4] < made[1] < made[3]


def test_threads_never_make_the_same_id() -> None:
    made: list[str] = []

    def make() -> None:
        made.extend(new_id("msg", now=AT) for _ in range(2000))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 8000


def test_a_forked_child_does_not_count_on_from_its_parents_numbers() -> None:
    at = AT + timedelta(days=1)
    new_id("msg", now=at)
    read_end, write_end = os.pipe()

    child = os.fork()
    if child == 0:
        os.write(write_end, new_id("msg", now=at).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        from_child = pipe.read()
    os.waitpid(child, 0)

    in_parent = {new_id("msg", now=at) for _ in range(100)}
    assert len(from_child) == 30
    assert from_child not in in_parent


def test_the_zone_of_the_instant_does_not_matter() -> None:
    shanghai = AT.astimezone(timezone(timedelta(hours=8)))

    assert new_id("msg", now=shanghai)[:14] == new_id("msg", now=AT)[:14]


@pytest.mark.parametrize("prefix", ["", "Msg", "msg_", "1msg", "m" * 17, "消息"])
def test_a_malformed_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        new_id(prefix, now=AT)


def test_an_instant_without_a_zone_or_before_1970_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        new_id("msg", now=AT.replace(tzinfo=None))
    with pytest.raises(ValueError, match="1970"):
        new_id("msg", now=datetime(1969, 12, 31, tzinfo=UTC))


@given(st.integers(0, 10**12))
def test_the_time_of_an_id_can_be_read_again(seconds_thousandth: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=seconds_thousandth)

    assert time_of(new_id("msg", now=at)) == at


@pytest.mark.parametrize("word", ["", "msg_", "msg_short", "msg_" + "U" * 26, "msg_" + "Z" * 26])
def test_what_is_no_id_has_no_time(word: str) -> None:
    assert time_of(word) is None


@pytest.mark.parametrize(
    "word", ["", "cnv_1", "a" * 256, "a" * 257, "a b", "~!", "a\n", "a\x7f", "消息", "\u0130"]
)
def test_what_can_be_an_id_is_what_requests_take_as_one(word: str) -> None:
    request = ReadMembersRequest(kind="conversation", id=word)

    # A request without an id is within its bounds, but asks about nothing.
    assert is_id(word) == (bool(word) and bounds.violation(request) is None)


def test_bytes_that_are_no_text_are_no_id() -> None:
    assert not is_id(b"\xff\xfe".decode(errors="surrogateescape"))
