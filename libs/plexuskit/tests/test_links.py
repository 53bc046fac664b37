"""Addresses that become links, their written form, and visible texts that mislead."""

import pytest
from plexuskit.errors import InvalidArgument
from plexuskit.links import FILE_SCHEMES, check_target, host_of, is_target, misleads


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("https://example.com", "https://example.com"),
        ("HTTPS://EXAMPLE.com/A?b=C#d", "https://example.com/A?b=C#d"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x"),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("https://例子.中国/路径", "https://例子.中国/路径"),
        ("https://xn--fsqu00a.xn--fiqs8s/", "https://例子.中国/"),
        ("https://аpple.com/", "https://xn--pple-43d.com/"),
        ("https://аррӏе.com", "https://xn--80ak6aa92e.com"),
        ("mailto:a@b.cn?subject=Hi", "mailto:a@b.cn?subject=Hi"),
        ("tel:+86-21-5555", "tel:+86-21-5555"),
        ("plexus://conversation/cnv_1?seq=4", "plexus://conversation/cnv_1?seq=4"),
    ],
)
def test_targets_are_written_in_one_form(given: str, canonical: str) -> None:
    assert check_target(given, field="spans") == canonical
    assert check_target(canonical, field="spans") == canonical


@pytest.mark.parametrize(
    "target",
    [
        "",
        "example.com",
        "/relative",
        "//example.com",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "data:text/html,<script>",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://example.com/",
        "https:example.com",
        "https://",
        "https:///path",
        "https://user@example.com",
        "https://good.com:pw@evil.com/",
        "https://good.com\\@evil.com",
        "https://a b.com",
        "https://exa\u200bmple.com",
        "https://example.com/\u202egnp.exe",
        "https://example.com/\x1b[2J",
        "https://example.com/\r\nBcc:x",
        "https://example.com:99999/",
        "https://example.com:/",
        "https://[::1/",
        "https://a..b",
        "mailto:nobody",
        "mailto:a@b.c?subject=x%0d%0aBcc:d@e.f",
        "tel:call me",
        "plexus:",
        "plexus://a@b",
        "https://example.com/" + "x" * 2_048,
        "https://example.com/" + "字" * 700,
    ],
)
def test_what_no_client_should_follow_is_refused_by_its_field(target: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_target(target, field="spans")
    assert refused.value.metadata["field"] == "spans"
    assert not is_target(target)


def test_a_file_lies_on_the_web_or_here() -> None:
    assert is_target("https://a.com/x", schemes=FILE_SCHEMES)
    assert not is_target("mailto:a@b.c", schemes=FILE_SCHEMES)


def test_a_host_is_told_without_its_surroundings() -> None:
    assert host_of("https://Docs.Example.com:8443/x") == "docs.example.com:8443"
    assert host_of("mailto:a@b.c") == ""
    assert host_of("javascript:x") == ""


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("https://bank.com", "https://evil.com"),
        ("www.bank.com", "https://evil.com"),
        ("bank.com", "https://evil.com/bank.com"),
        ("see https://bank.com now", "https://evil.com"),
        ("https://bank.com", "https://bank.com.evil.org"),
        ("https://docs.example.com", "https://example.com"),
        ("https://bank.com", "mailto:a@bank.com"),
        ("ｂａｎｋ.com", "https://evil.com"),
        ("ba\u200bnk.com", "https://evil.com"),
        ("https://bank.com@evil.com", "https://evil.com"),
        ("https://аpple.com", "https://xn--pple-43d.com/"),
    ],
)
def test_a_text_that_is_an_address_of_another_host_misleads(text: str, target: str) -> None:
    assert misleads(text, target)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("the bank", "https://evil.com"),
        ("https://bank.com", "https://bank.com/login?x=1"),
        ("https://bank.com/a", "http://www.bank.com/b"),
        ("www.bank.com", "https://bank.com"),
        ("example.com", "https://docs.example.com/a"),
        ("README.md", "https://git.example.com/README.md"),
        ("node.js", "https://nodejs.org"),
        ("https://a.com:8443/", "https://a.com:8443/x"),
        ("https://a.com/?u=https://b.com", "https://a.com/?u=https://b.com"),
        ("HTTPS://A.com/?u=https://b.com", "https://a.com/?u=https://b.com"),
        ("见 https://a.com，谢谢", "https://a.com"),
        ("例子.中国", "https://xn--fsqu00a.xn--fiqs8s/"),
        ("plexus", "plexus://conversation/cnv_1"),
    ],
)
def test_other_texts_lead_where_they_say(text: str, target: str) -> None:
    assert not misleads(text, target)
