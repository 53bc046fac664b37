"""Marks of the fault tests: a stage of its own each, skipped where a server program is absent."""

import pytest
from plexus_local.servers import ToolMissing


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call():
    try:
        return (yield)
    except ToolMissing as missing:
        pytest.skip(str(missing))
