import pytest
from directory.people.domain import handles
from hypothesis import given
from hypothesis import strategies as st
from plexuskit.errors import InvalidArgument


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("Zhang.Wei", "zhang.wei"),
        (" ＺＨＡＮＧ ", "zhang"),
        ("张伟", "张伟"),
        ("Straße_7", "straße_7"),
        ("ﬁnance", "finance"),
        ("İstanbul", "i̇stanbul"),
    ],
)
def test_a_handle_has_one_normal_form(typed: str, normal: str) -> None:
    assert handles.normalise(typed) == normal


@pytest.mark.parametrize(
    "typed",
    ["", "   ", "a b", "@zhang", "-zhang", ".zhang", "zhang/wei", "a\u200bb", "😀", "x" * 65],
)
def test_what_cannot_be_a_handle_is_refused_by_field(typed: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        handles.normalise(typed, field="admin_handle")
    assert refused.value.metadata["field"] == "admin_handle"


@pytest.mark.parametrize(
    "typed", ["аdmin", "раypal", "ad\u3164min", "ad\ufe0fmin", "ad\u034fmin", "ad\u202emin"]
)
def test_a_handle_in_disguise_of_another_is_refused(typed: str) -> None:
    with pytest.raises(InvalidArgument):
        handles.normalise(typed)


@pytest.mark.parametrize("typed", ["ivan.иванов", "张-wei", "東京タワー", "김철수_kim", "иван"])
def test_words_of_one_script_each_are_no_disguise(typed: str) -> None:
    assert handles.normalise(typed) == typed


@given(st.text(max_size=80))
def test_normalising_again_changes_nothing(typed: str) -> None:
    try:
        normal = handles.normalise(typed)
    except InvalidArgument:
        return
    assert handles.normalise(normal) == normal


@given(st.text(max_size=200), st.text(max_size=200))
def test_deriving_always_makes_a_normal_handle(wanted: str, otherwise: str) -> None:
    derived = handles.derive(wanted, otherwise=otherwise)
    assert handles.normalise(derived) == derived


def test_deriving_keeps_what_can_be_kept() -> None:
    assert handles.derive("John  O'Neil!", otherwise="u1") == "john-o-neil"
    assert handles.derive("🎉", otherwise="U0AB") == "u0ab"


def test_a_clash_gets_a_number_and_the_first_asker_the_name() -> None:
    given_handles = handles.allocate(["li", "li", "wang", "li"], taken={"wang", "li-2"})
    assert given_handles == ["li", "li-3", "wang-2", "li-4"]


@given(
    st.lists(st.sampled_from(["a", "a-2", "b", "b-2", "x" * 64]), max_size=30),
    st.sets(st.sampled_from(["a", "a-2", "a-3", "b", "x" * 64])),
)
def test_allocated_handles_are_free_and_all_different(wanted: list[str], taken: set[str]) -> None:
    given_handles = handles.allocate(wanted, taken=taken)
    assert len(given_handles) == len(wanted)
    assert len(set(given_handles)) == len(wanted)
    assert not set(given_handles) & taken
    assert all(len(handle) <= handles.MAX_CHARACTERS for handle in given_handles)
