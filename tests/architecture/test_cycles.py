"""Absence of import cycles between files, also between their types (style.md, "Structure")."""

import graphlib

import grimp

PACKAGES = (
    "audit",
    "directory",
    "gateway",
    "messaging",
    "notify",
    "plexus_access",
    "plexus_bench",
    "plexus_cli",
    "plexus_local",
    "plexus_sdk",
    "plexus_testkit",
    "plexuskit",
    "search",
    "tasks",
)


def _cycles() -> list[list[str]]:
    """Return one cycle of files per strongly connected component; imports for types count too."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False)
    imports = {file: graph.find_modules_directly_imported_by(file) for file in graph.modules}
    cycles = []
    while True:
        try:
            graphlib.TopologicalSorter(imports).prepare()
        except graphlib.CycleError as error:
            cycle = error.args[1]
            cycles.append(cycle)
            imports[cycle[1]] = imports[cycle[1]] - {cycle[0]}
        else:
            return cycles


def test_no_two_files_import_each_other() -> None:
    assert _cycles() == []
