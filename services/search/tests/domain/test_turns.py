from contextlib import ExitStack

import pytest
from search.domain.refusals import TooManySearches
from search.domain.turns import MAX_SEARCHES, Turns


@pytest.mark.rule("GW-13")
def test_gw_13_searches_of_one_person_are_bounded_and_are_nobody_elses() -> None:
    turns = Turns()
    with ExitStack() as held:
        for _ in range(MAX_SEARCHES):
            held.enter_context(turns.take(tenant_id="ten_a", person_id="per_ann"))

        with (
            pytest.raises(TooManySearches) as refused,
            turns.take(tenant_id="ten_a", person_id="per_ann"),
        ):
            pass
        assert refused.value.retry_after is not None
        for tenant_id, person_id in (("ten_a", "per_bo"), ("ten_b", "per_ann")):
            with turns.take(tenant_id=tenant_id, person_id=person_id):
                pass

    with turns.take(tenant_id="ten_a", person_id="per_ann"):
        pass
