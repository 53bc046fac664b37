from search.domain.highlights import choose


def test_the_marking_that_marks_most_is_shown() -> None:
    assert choose([["\x02a\x03bc"], ["\x02ab\x03c"], []]) == ("\x02ab\x03c",)


def test_neighbouring_matches_become_one() -> None:
    assert choose([["在\x02上\x03\x02海\x03"]]) == ("在\x02上海\x03",)


def test_without_a_match_nothing_is_shown() -> None:
    assert choose([[], []]) == ()
    assert choose([]) == ()
