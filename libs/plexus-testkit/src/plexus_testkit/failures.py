"""Print each failure when it happens, not only at the end, in case a run is stopped early."""

import pytest
from _pytest.terminal import TerminalReporter

TITLE = "failed at {when}: {test}"


class Failures:
    """Prints reports of failed tests, of this process or of its workers."""

    def __init__(self, terminal: TerminalReporter) -> None:
        self._terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print the report of a failed setup, call or teardown."""
        if not report.failed:
            return
        self._terminal.ensure_newline()
        self._terminal.section(TITLE.format(when=report.when, test=report.nodeid), red=True)
        self._terminal.line(report.longreprtext)
        self._terminal.line("")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Listen in the process that has a terminal; workers send their reports there."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Failures(terminal), "plexus-failures")
