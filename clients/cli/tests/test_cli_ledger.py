"""Verification of exports without a server (GW-7)."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from plexus_cli import ledger
from plexus_cli.ledger import Anchor, Finding
from plexus_sdk import Refused


def lines(count: int, *, changed: int = 0, renewed: bool = False) -> list[bytes]:
    """Return a chain of lines; one of them may be altered, with its hash renewed or not."""
    found, previous = [], ledger.GENESIS
    for no in range(1, count + 1):
        fields: dict[str, Any] = {
            "tenant_id": "ten_a", "no": no, "action": "PersonChanged", "reason": "离职",
            "previous": previous,
        }  # fmt: skip
        previous = hashlib.sha256(ledger.canonical(fields)).hexdigest()
        own = previous
        if no == changed:
            fields["action"] = "PersonAdded"
            if renewed:
                own = hashlib.sha256(ledger.canonical(fields)).hexdigest()
        found.append(ledger.canonical({**fields, "hash": own}) + b"\n")
    return found


def found_in(content: list[bytes], *, kept: Anchor | None = None) -> Finding | None:
    return ledger.verify_lines(content, kept=kept)[1]


def test_gw_07_a_whole_export_is_fine_and_has_a_head() -> None:
    walk, finding = ledger.verify_lines(lines(4), kept=None)

    assert finding is None
    assert (walk.verified, walk.head and walk.head.no) == (4, 4)


def test_gw_07_a_part_of_an_export_is_fine() -> None:
    assert found_in(lines(6)[2:]) is None


@pytest.mark.parametrize("renewed", [False, True])
def test_gw_07_a_changed_line_is_named(renewed: bool) -> None:
    finding = found_in(lines(5, changed=3, renewed=renewed))
    assert finding is not None
    assert (finding.no, finding.reason) == (3, ledger.ALTERED)


def test_gw_07_a_removed_line_is_named() -> None:
    content = lines(5)
    del content[2]
    finding = found_in(content)
    assert finding is not None
    assert (finding.no, finding.reason) == (3, ledger.REMOVED)


def test_gw_07_a_line_that_comes_again_is_named() -> None:
    content = lines(5)
    finding = found_in([*content[:3], content[1], *content[3:]])
    assert finding is not None
    assert (finding.no, finding.reason) == (4, ledger.REORDERED)


@pytest.mark.parametrize("spoiled", [b"{}\n", b"no json\n", b'{"no": 1}\n', b"\xff\n", b"[]\n"])
def test_gw_07_what_is_no_line_is_named(spoiled: bytes) -> None:
    content = lines(3)
    finding = found_in([content[0], spoiled, content[2]])
    assert finding is not None
    assert (finding.no, finding.reason) == (2, ledger.ALTERED)


def test_gw_07_what_was_kept_shows_a_cut_and_a_chain_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    walk, _ = ledger.verify_lines(lines(5), kept=None)
    ledger.keep_anchor(file, walk.head)
    kept = ledger.read_anchor(file)

    assert kept == walk.head
    assert found_in(lines(6), kept=kept) is None
    cut = found_in(lines(3), kept=kept)
    assert cut is not None
    assert (cut.no, cut.reason) == (4, ledger.REMOVED)
    other = found_in(lines(6), kept=Anchor(5, "ab" * 32))
    assert other is not None
    assert (other.no, other.reason) == (5, ledger.ANCHOR)


def test_a_file_that_keeps_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    assert ledger.read_anchor(file) is None
    file.write_text(json.dumps({"number": 1}))
    with pytest.raises(Refused):
        ledger.read_anchor(file)


def test_an_export_goes_on_after_its_last_line(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    assert ledger.last_number(file) == 0
    file.write_bytes(b"".join(lines(3)))
    assert ledger.last_number(file) == 3
    file.write_bytes(b"".join(lines(3))[:-5])
    with pytest.raises(Refused):
        ledger.last_number(file)
