"""Term weights depend on the language alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search.store.weights import MAX_WEIGHT, MIN_WEIGHT, Weights, frozen

FEW = Weights(
    chinese={"上海": 2e-3, "大学": 1e-3, "的": 0.06, "the": 1e-6},
    english={"the": 0.05, "plan": 1e-5},
)


def test_rare_words_weigh_more_than_frequent_ones() -> None:
    assert FEW.of("的") < FEW.of("上海") < FEW.of("大学") < FEW.of("龘")
    assert FEW.of("the") < FEW.of("plan") < FEW.of("PO-33817") == MAX_WEIGHT


def test_a_pair_within_a_word_weighs_less_than_one_across_two_words() -> None:
    assert FEW.of("上海") < FEW.of("海大") < MAX_WEIGHT


def test_a_phrase_weighs_as_much_as_its_words_on_average() -> None:
    assert FEW.mean(["的", "上海"]) == pytest.approx((FEW.of("的") + FEW.of("上海")) / 2)
    assert FEW.mean([]) == MIN_WEIGHT


def test_the_frozen_table_knows_both_languages() -> None:
    weights = frozen()

    assert weights.of("的") == MIN_WEIGHT
    assert weights.of("the") == MIN_WEIGHT
    assert weights.of("公司") < weights.of("报销") < weights.of("芯片延期")
    assert weights.of("meeting") < weights.of("reimbursement")


@given(st.text(max_size=20))
def test_every_term_has_a_weight_within_the_bounds(term: str) -> None:
    assert MIN_WEIGHT <= frozen().of(term) <= MAX_WEIGHT
