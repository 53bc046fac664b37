"""Stored texts and attachments: kept as written except deceptive or broken characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from messaging.messages.domain.content import (
    Attachment,
    Span,
    SpanKind,
    check_attachments,
    clean_text,
)
from plexuskit.errors import InvalidArgument

RLO, LRE, PDF, RLI, PDI = "\u202e", "\u202a", "\u202c", "\u2067", "\u2069"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("a\r\nb\rc\x0bd\u2028e\u2029f\x85g", "a\nb\nc\nd\ne\nf\ng"),
        ("\x00a\x1b[31mb\x07\x9b2Jc\x7f\td", "a[31mb2Jc\td"),
        (f"a{RLO}b", f"a{RLO}b{PDF}"),
        (f"a{RLI}{LRE}b\nc", f"a{RLI}{LRE}b{PDF}{PDI}\nc"),
        (f"a{RLO}b{PDF}", f"a{RLO}b{PDF}"),
        (f"a{PDI}b{PDF}c", "abc"),
        (f"{RLI}{PDF}x{PDI}{PDI}", f"{RLI}x{PDI}"),
        (f"{RLO}a\r\nb", f"{RLO}a{PDF}\nb"),
        ("zero\u200bwidth \u200fmarks\ufeff stay", "zero\u200bwidth \u200fmarks\ufeff stay"),
    ],
)
def test_texts_keep_what_was_written_but_controls_and_open_directions(sent, stored):
    assert clean_text(sent) == (stored, ())
    assert clean_text(stored) == (stored, ())


def test_spans_move_along_with_what_is_left_out_or_added():
    sent = f"\x00a{RLO}b\r\n\x07c"
    spans = (Span(1, 3, SpanKind.BOLD), Span(7, 1, SpanKind.CODE), Span(0, 1, SpanKind.ITALIC))
    text, moved = clean_text(sent, spans)
    assert text == f"a{RLO}b{PDF}\nc"
    assert [text[s.start : s.end] for s in moved] == [f"a{RLO}b", "c"]


def test_half_characters_and_absurd_nesting_are_refused():
    for text in ("a\udc00", RLI * 126):
        with pytest.raises(InvalidArgument) as refused:
            clean_text(text)
        assert refused.value.metadata["field"] == "text"
    assert clean_text(RLI * 125)[0] == RLI * 125 + PDI * 125


@given(st.text(st.sampled_from([RLO, LRE, PDF, RLI, PDI, "\u2068", "a", "\n", "\r", "\x00"])))
def test_no_line_leaves_a_direction_open_and_cleaning_again_changes_nothing(text):
    clean, _ = clean_text(text)
    assert clean_text(clean) == (clean, ())
    for line in clean.split("\n"):
        opened = sum(map(line.count, (RLO, LRE, RLI, "\u2068")))
        closed = sum(map(line.count, (PDF, PDI)))
        assert closed <= opened
        assert line.count(PDI) == line.count(RLI) + line.count("\u2068")


def test_file_names_cannot_deceive():
    sent = Attachment(f"../..\\photo{RLO}gpj.exe\x1b]8;;x\x07", "https://A.com/x", "image/png", 0)
    (stored,) = check_attachments((sent,))
    assert stored.name == "_.._photogpj.exe]8;;x"
    assert stored.url == "https://a.com/x"


@pytest.mark.parametrize(
    ("field", "attachment"),
    [
        ("url", Attachment("a", "javascript:alert(1)", "", 1)),
        ("url", Attachment("a", "mailto:a@b.c", "", 1)),
        ("url", Attachment("a", "", "", 1)),
        ("media_type", Attachment("a", "https://a.com", "png", 1)),
        ("media_type", Attachment("a", "https://a.com", "text/html\r\nX: y", 1)),
        ("size_bytes", Attachment("a", "https://a.com", "", -1)),
        ("size_bytes", Attachment("a", "https://a.com", "", 2**60)),
        ("name", Attachment("x" * 256, "https://a.com", "", 1)),
    ],
)
def test_attachments_are_refused_by_the_field_that_is_wrong(field, attachment):
    good = Attachment("a.txt", "plexus://file/1", 'text/plain; charset="utf-8"', 3)
    assert check_attachments((good,)) == (good,)
    with pytest.raises(InvalidArgument) as refused:
        check_attachments((good, attachment))
    assert refused.value.metadata["field"] == f"attachments[1].{field}"


def test_msg_19_history_may_know_files_by_their_names_alone():
    assert check_attachments((Attachment("a", "", "", 0),), with_address=False)
