"""Addresses in people's texts: the allowed ones, and their canonical form.

Nothing here opens an address. A target is accepted when every client may offer it as a link; it is
written in one canonical form, with host names that could be taken for others in punycode.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Final
from urllib.parse import SplitResult, urlsplit

from plexuskit.errors import InvalidArgument
from plexuskit.names import mixes_scripts, without_tricks

LINK_SCHEMES: Final = frozenset(("http", "https", "mailto", "tel", "plexus"))
FILE_SCHEMES: Final = frozenset(("http", "https", "plexus"))
MAX_BYTES: Final = 2_048
MAX_HOST_CHARACTERS: Final = 253
# Hosts in other letters than ASCII cost some microseconds a character, and some more each.
MAX_WIDE_CHARACTERS: Final = 4_096
_OF_EACH_HOST: Final = 16
# Different addresses in the visible text of one link.
MAX_SHOWN_HOSTS: Final = 100

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_WEB: Final = frozenset(("http", "https"))
_TELEPHONE: Final = re.compile(r"\+?[0-9*#][0-9*#().,;=A-Za-z-]*")
_MAIL: Final = re.compile(r"[^\s@?]+@[^\s@?]+(\?.*)?")
_AUTHORITY: Final = re.compile(r"//([^\s/?#]+)")
_ENCODED_BREAK: Final = re.compile(r"%0[ad]", re.IGNORECASE)
_SHOWN_ADDRESS: Final = re.compile(
    r"(?:https?|ftp)://([^\s/?#,;!()'\"<>\u3000-\u303f\u2018-\u201f]*)\S*",
    re.IGNORECASE,
)
# A file name such as `README.md` looks like a host too, so a bare one counts with these ends only.
_SHOWN_HOST: Final = re.compile(
    r"(?:www\.[^\s/?#:]+|[^\s/?#:@]+\.(?:com|cn|net|org|gov|edu|hk|tw|info|top|xyz))\.?(?=[/?#:]|$)",
    re.IGNORECASE,
)
# Cyrillic and Greek letters that look like Latin ones: a word of only these reads as Latin.
_LATIN_LOOKALIKES: Final = frozenset("асԁеһіјӏорԛѕԝхугѵмтзпкъьԍοανικρτυχεωγ")


def check_target(target: str, *, field: str, schemes: frozenset[str] = LINK_SCHEMES) -> str:
    """Return an address in its canonical form when clients may offer it as a link.

    Args:
        target: an absolute address, at most 2,048 bytes of UTF-8.
        field: the field of the request, for the refusal.
        schemes: which schemes are accepted.

    Returns: scheme and host in lower case; a host label of mixed or lookalike letters as punycode.

    Raises:
        InvalidArgument: another scheme, white space, invisible or control characters, a
            backslash, a user name or password, or a host, mail address or number that is none.
    """
    problem, canonical = _examine(target, schemes)
    if problem:
        raise InvalidArgument(field=field, problem=problem)
    return canonical


def is_target(target: str, *, schemes: frozenset[str] = LINK_SCHEMES) -> bool:
    """Return whether `check_target` would accept an address."""
    return not _examine(target, schemes)[0]


def host_of(target: str) -> str:
    """Return the host of an address in its canonical form; empty for one that has none."""
    problem, canonical = _examine(target, LINK_SCHEMES)
    return "" if problem else urlsplit(canonical).netloc.rpartition("@")[2]


def check_cost(texts: Iterable[str], *, field: str) -> None:
    """Refuse addresses whose hosts would take too long to convert, before any is converted.

    Args:
        texts: addresses, or texts that contain some.
        field: the field of the request, for the refusal.

    Raises:
        InvalidArgument: different hosts with other letters than ASCII have more than 4,096
            characters together, each counted with 16 more.
    """
    wide: set[str] = set()
    characters = 0
    for text in texts:
        if text.isascii() and "xn--" not in text.lower():
            continue
        for found in _AUTHORITY.finditer(text):
            host = found[1]
            if _is_plain(host) or host in wide:
                continue
            wide.add(host)
            characters += _OF_EACH_HOST + min(len(host), MAX_HOST_CHARACTERS)
            if characters > MAX_WIDE_CHARACTERS:
                problem = "has too many hosts with other letters than ASCII; send several messages"
                raise InvalidArgument(field=field, problem=problem)


def misleads(text: str, target: str) -> bool:
    """Return whether the visible text of a link is an address of another host than its target.

    A text is an address when it contains one with a scheme, or is a host name or begins with one.
    The same host, or a parent domain (`example.com` for `docs.example.com`), does not mislead. A
    text of more than 100 different addresses does.
    """
    if target == text or target == _examine(text, LINK_SCHEMES)[1]:
        return False
    seen = unicodedata.normalize("NFKC", without_tricks(text)).strip()
    shown = {found[1].lower() for found in _SHOWN_ADDRESS.finditer(seen)}
    if not shown and (bare := _SHOWN_HOST.match(seen)):
        shown = {bare[0].lower()}
    if not shown or len(shown) > MAX_SHOWN_HOSTS:
        return bool(shown)
    scheme = _SCHEME.match(target)
    if scheme is None or scheme[1].lower() not in _WEB:
        return True
    host = _bare(host_of(target))
    return any(not _leads_to(each, host) for each in shown)


def _leads_to(shown: str, host: str) -> bool:
    """Return whether a host in lower case is a canonical one without its port, or one above it."""
    if "@" in shown:
        return False
    name = shown.rpartition(":")[0] if _has_port(shown) else shown
    if not _is_plain(name):
        # Compared unchanged: converting all of a text would take too long.
        name = _bare(name)
        # A host that is only safe as punycode must be shown as such.
        safe = name.isascii() or "xn--" not in name
        return safe and any(_is_above(name, form) for form in _forms(host))
    problem, canonical = _host(name)
    return not problem and _is_above(_bare(canonical), host)


def _is_above(name: str, host: str) -> bool:
    return host == name or ("." in name and host.endswith(f".{name}"))


@lru_cache(maxsize=512)
def _forms(host: str) -> tuple[str, ...]:
    """Return a canonical host in its own letters and in punycode."""
    if host.isascii():
        return (host,)
    return host, _idna().encode(host, uts46=True).decode()


def _idna() -> ModuleType:
    """Import a module that few hosts need and every start of a command would pay for."""
    return import_module("idna")


def _is_plain(host: str) -> bool:
    return host.isascii() and "xn--" not in host.lower()


def _bare(host: str) -> str:
    name = host.rpartition(":")[0] if _has_port(host) else host
    return name.removeprefix("www.").rstrip(".")


def _has_port(host: str) -> bool:
    head, colon, port = host.rpartition(":")
    return bool(colon) and "]" not in port and (port.isdecimal() or not port) and bool(head)


def _examine(target: str, schemes: frozenset[str]) -> tuple[str, str]:
    """Return the problem of an address (empty: none) and its canonical form."""
    if len(target) > MAX_BYTES or len(target.encode(errors="replace")) > MAX_BYTES:
        return f"is longer than {MAX_BYTES} bytes", ""
    if not target.isprintable() or " " in target or "\\" in target:
        return "holds spaces, invisible characters or backslashes", ""
    named = _SCHEME.match(target)
    scheme = named[1].lower() if named else ""
    if named is None or scheme not in schemes:
        return f"must begin with one of {', '.join(sorted(schemes))}", ""
    return _FORMS[scheme](scheme, target[named.end() :])


def _mail(scheme: str, rest: str) -> tuple[str, str]:
    if not _MAIL.fullmatch(rest) or _ENCODED_BREAK.search(rest):
        return "is not a mail address", ""
    return "", f"{scheme}:{rest}"


def _telephone(scheme: str, rest: str) -> tuple[str, str]:
    return ("", f"{scheme}:{rest}") if _TELEPHONE.fullmatch(rest) else ("is no number", "")


def _own(scheme: str, rest: str) -> tuple[str, str]:
    return ("names nothing", "") if not rest.strip("/") or "@" in rest else ("", f"{scheme}:{rest}")


def _web(scheme: str, rest: str) -> tuple[str, str]:
    if not rest.startswith("//"):
        return "has no host", ""
    try:
        parts: SplitResult = urlsplit(f"{scheme}:{rest}")
        port = parts.port
    except ValueError:
        return "has a host or port that is none", ""
    if parts.netloc.endswith(":"):
        return "has a host or port that is none", ""
    if "@" in parts.netloc:
        return "holds a user name or password", ""
    problem, host = _host(parts.hostname or "")
    if problem:
        return problem, ""
    tail = rest[2 + len(parts.netloc) :]
    return "", f"{scheme}://{host}{'' if port is None else f':{port}'}{tail}"


def _host(host: str) -> tuple[str, str]:
    if len(host) > MAX_HOST_CHARACTERS:
        return "has a host that is none", ""
    return _canonical_host(host)


@lru_cache(maxsize=512)
def _canonical_host(host: str) -> tuple[str, str]:
    if ":" in host:
        return "", f"[{host.strip('[]')}]"
    if _is_plain(host):
        sound = re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_.])?", host)
        return ("", host.lower()) if sound and ".." not in host else ("has a host that is none", "")
    idna = _idna()
    try:
        ascii_host = idna.encode(host, uts46=True).decode()
        return "", ".".join(_label(label) for label in ascii_host.split("."))
    except (idna.IDNAError, UnicodeError):
        return "has a host that is none", ""


def _label(label: str) -> str:
    """Return a label of a host as it is shown: in its own letters unless they could mislead."""
    if not label.startswith("xn--"):
        return label
    letters = _idna().decode(label)
    lookalike = set(letters) - set("0123456789-") <= _LATIN_LOOKALIKES
    return label if lookalike or mixes_scripts(letters.replace("-", "")) else letters


_FORMS: Final = {
    "http": _web,
    "https": _web,
    "mailto": _mail,
    "tel": _telephone,
    "plexus": _own,
}
