"""The shape of API tokens."""

import re

import pytest
from plexus_access.api_tokens import LENGTH, is_well_formed, new_token


def test_a_token_has_its_shape_and_is_no_other_s():
    tokens = {new_token() for _ in range(200)}
    assert len(tokens) == 200
    assert all(re.fullmatch(r"plx_[0-9A-Za-z]{49}", token) for token in tokens)
    assert all(is_well_formed(token) for token in tokens)


def test_one_wrong_character_shows():
    token = new_token()
    for at in range(4, LENGTH):
        wrong = "a" if token[at] != "a" else "b"
        assert not is_well_formed(token[:at] + wrong + token[at + 1 :])


@pytest.mark.parametrize("text", ["", "plx_", "plx_" + "é" * 49, "plx_" + "-" * 49, "x" * 53])
def test_what_is_no_token_is_told(text):
    assert not is_well_formed(text)
