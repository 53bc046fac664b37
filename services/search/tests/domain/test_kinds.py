"""The registry of searchable kinds: complete with the catalogue and with the contract's columns."""

from dataclasses import replace
from pathlib import Path

import pytest
from plexus.search.v1.search_service_pb2 import GetSearchStatusResponse
from plexus.topics import CONSUMERS
from plexus_access.objects import KINDS as OBJECT_KINDS
from search import kinds
from search.config import PeersSection
from search.domain.columns import WORDS
from search.domain.definitions import Definition, Kinds
from search.domain.types import AT, AUTHOR, KEYS, PLACE, Field
from search.kinds import KINDS
from search.kinds.message import DEFINITION as MESSAGE
from search.kinds.task import DEFINITION as TASK


def test_each_file_of_the_folder_is_a_kind_of_its_name() -> None:
    files = {path.stem for path in Path(kinds.__path__[0]).glob("*.py")} - {"__init__"}
    assert files == set(KINDS.names)


def test_each_group_of_the_catalogue_indexes_one_kind() -> None:
    groups = {each.group for each in CONSUMERS if each.service == "search" and each.dlq}
    assert sorted(KINDS.groups) == sorted(groups)


def test_each_kind_has_an_owner_an_object_kind_and_known_parts() -> None:
    parts = {*WORDS, KEYS, AUTHOR, AT, PLACE}
    for each in KINDS:
        assert each.owner in PeersSection.model_fields, each.name
        assert each.object_kind in OBJECT_KINDS, each.name
        assert each.columns.keys() <= parts, each.name
        assert each.added <= each.fields.keys(), each.name


def test_older_clients_find_their_counts_under_the_names_of_the_first_types() -> None:
    fields = GetSearchStatusResponse.DESCRIPTOR.fields_by_name
    older = {f"indexed_{each.plural}" for each in KINDS if f"indexed_{each.plural}" in fields}
    assert older == {name for name in fields if name.startswith("indexed_")}


@pytest.mark.parametrize("field", ["name", "number", "plural"])
def test_two_kinds_with_one_name_number_or_index_are_refused(field: str) -> None:
    same = replace(TASK.type, name="other", number=99, plural="others")
    other = replace(same, **{field: getattr(TASK.type, field)})
    with pytest.raises(ValueError, match="two searchable kinds"):
        Kinds([MESSAGE, TASK, replace(TASK, type=other)])


def test_kinds_are_in_the_order_of_their_numbers() -> None:
    third = replace(TASK.type, name="other", number=99, plural="others", fields={"x": Field.LONG})
    found = Kinds([Definition(type=third, group=TASK.group, read=TASK.read), TASK, MESSAGE])
    assert found.names == ("message", "task", "other")
    assert found.named("other") is third
