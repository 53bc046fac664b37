"""Ranking against the reference figures: CMRC 2018, one right paragraph per question."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

DATA: Final = Path(__file__).parents[4].parent / "shared" / "data" / "zh" / "cmrc2018-trial.json"


@pytest.mark.long
@pytest.mark.usefixtures("own_store")
@pytest.mark.skipif(not DATA.exists(), reason="the CMRC 2018 trial set is not beside the checkout")
async def test_src_05_questions_find_the_paragraph_they_are_about(
    index: Callable[..., Any],
    message: Callable[..., Any],
    find: Callable[..., Any],
) -> None:
    paragraphs = [
        paragraph
        for article in json.loads(DATA.read_text())["data"]
        for paragraph in article["paragraphs"]
    ]
    await index(*(message(each["context"], id=each["id"]) for each in paragraphs))
    asked = [
        (question["question"], paragraph["id"])
        for paragraph in paragraphs
        for question in paragraph["qas"]
        if question["question"].strip()
    ]

    first, reciprocal = 0, 0.0
    for question, right in asked:
        ids = [hit.id for hit in (await find(question, limit=10)).found]
        first += ids[:1] == [right]
        reciprocal += 1 / (ids.index(right) + 1) if right in ids else 0

    assert len(asked) >= 1_000
    assert first / len(asked) >= 0.97
    assert reciprocal / len(asked) >= 0.975
