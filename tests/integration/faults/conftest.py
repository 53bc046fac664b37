"""Fault tests stand on stages of their own, and are skipped where a server's program is absent."""

import pytest
from plexus_local.servers import ToolMissing


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call():
    try:
        return (yield)
    except ToolMissing as missing:
        pytest.skip(str(missing))
