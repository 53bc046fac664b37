from search.domain.access import NOTHING, Interval, Readable, readable, together


def test_src_01_without_intervals_everything_is_readable() -> None:
    assert readable([("conversation:a", ())]) == Readable(
        whole=frozenset({"conversation:a"}), partly={}
    )


def test_msg_14_an_interval_from_the_first_on_and_open_is_everything() -> None:
    assert readable([("conversation:a", (Interval(1, 0),))]).whole == {"conversation:a"}
    assert readable([("conversation:a", (Interval(1, 9),))]).whole == frozenset()
    assert readable([("conversation:a", (Interval(2, 0),))]).whole == frozenset()


def test_msg_14_an_interval_that_ends_before_it_begins_holds_nothing() -> None:
    found = readable([("conversation:a", (Interval(5, 4), Interval(7, 9)))])

    assert found.partly == {"conversation:a": (Interval(7, 9),)}


def test_src_01_deny_is_stronger_than_allow() -> None:
    found = readable([("conversation:a", ()), ("conversation:a", (Interval(3, 4),))])

    assert found.whole == frozenset()
    assert found.partly == {"conversation:a": (Interval(3, 4),)}


def test_src_01_nothing_is_readable_that_nobody_names() -> None:
    assert readable([]) == NOTHING
    assert together([]) == NOTHING


def test_several_owners_add_up() -> None:
    both = together(
        [readable([("project:p", ())]), readable([("conversation:a", (Interval(2, 3),))])]
    )

    assert both.whole == {"project:p"}
    assert set(both.partly) == {"conversation:a"}
