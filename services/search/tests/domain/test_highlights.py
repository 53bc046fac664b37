from search.domain.documents import TAG_BEGINS, TAG_ENDS, without_marks
from search.domain.highlights import choose
from search.store.contents import with_marks


def test_the_marking_that_marks_most_is_shown() -> None:
    assert choose([["\x02a\x03bc"], ["\x02ab\x03c"], []]) == ("\x02ab\x03c",)


def test_neighbouring_matches_become_one() -> None:
    assert choose([["在\x02上\x03\x02海\x03"]]) == ("在\x02上海\x03",)


def test_without_a_match_nothing_is_shown() -> None:
    assert choose([[], []]) == ()
    assert choose([]) == ()


def test_only_a_match_is_marked_whatever_a_text_holds() -> None:
    said = f"\x02<script>\x03 {TAG_BEGINS}javascript:alert(1){TAG_ENDS}\r\nBcc: a@b.c"
    indexed = without_marks(said)
    fragment = indexed.replace("alert", f"{TAG_BEGINS}alert{TAG_ENDS}")

    assert indexed == "<script> javascript:alert(1)\r\nBcc: a@b.c"
    assert choose([with_marks([fragment])]) == (
        "<script> javascript:\x02alert\x03(1)\r\nBcc: a@b.c",
    ), "plain text with two marks: no HTML is made here, and clients escape it as any text"
