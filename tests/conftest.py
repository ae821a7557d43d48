"""Shows each failure at once: a suite of half an hour may be cut off before it comes to its own list."""

import pytest

from tests.harness import own_log


class _AtOnce:
    def __init__(self, config):
        self._config = config

    def pytest_runtest_logreport(self, report):
        # Asked for only now: where tests run in parallel another reporter takes its place.
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            terminal.write_sep("-", f"failed: {report.nodeid} ({report.when})")
            terminal.write_line(report.longreprtext)


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    own_log.set_up()
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_AtOnce(config), "failures-at-once")
