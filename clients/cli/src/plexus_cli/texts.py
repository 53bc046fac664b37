"""Texts from standard input or a file, in a known encoding."""

import sys
from pathlib import Path
from typing import Final

from plexus_sdk import Refused

from plexus_cli.language import tr

_MARKS: Final = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def given(word: str) -> str:
    """Return a word, or the text of standard input for `-`.

    Raises:
        Refused: standard input is not text.
    """
    return read_input().rstrip("\n") if word == "-" else word


def read_input() -> str:
    """Return the text of standard input, decoded by its byte-order mark or as the terminal's.

    Raises:
        Refused: it cannot be decoded.
    """
    encoding = sys.stdin.encoding or "utf-8"
    content = sys.stdin.buffer.read()
    try:
        return decoded(content, encoding=encoding)
    except UnicodeDecodeError as error:
        raise Refused(
            tr(
                "Standard input is not {encoding} text (byte {place}). Convert it first: "
                "iconv -f GB18030 -t UTF-8 FILE | plexus …",
                encoding=encoding.upper(),
                place=error.start + 1,
            ),
            reason="TEXT_UNREADABLE",
        ) from error


def read_line() -> str:
    """Return the first line of standard input, for a secret."""
    return sys.stdin.readline().rstrip("\r\n")


def read_file(path: Path, *, encoding: str = "utf-8") -> str:
    """Return the text of a file.

    Args:
        path: the file.
        encoding: encoding of a file without a byte-order mark.

    Raises:
        Refused: there is no such file, or it is in another encoding.
    """
    try:
        return decoded(path.read_bytes(), encoding=encoding)
    except OSError as error:
        raise Refused(
            tr("{path} cannot be read: {error}", path=path, error=error.strerror)
        ) from error
    except UnicodeDecodeError as error:
        raise Refused(
            tr(
                "{path} is not {encoding} text (byte {place}). Convert it first: "
                "iconv -f GB18030 -t UTF-8 {path}",
                path=path,
                encoding=encoding.upper(),
                place=error.start + 1,
            ),
            reason="TEXT_UNREADABLE",
        ) from error


def decoded(content: bytes, *, encoding: str) -> str:
    """Decode bytes; a byte-order mark takes precedence over the encoding."""
    marked = next((name for mark, name in _MARKS.items() if content.startswith(mark)), encoding)
    return content.decode(marked)
