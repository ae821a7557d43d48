"""Shows each failure at once: a suite of half an hour may be cut off before it comes to its own list."""

import pytest


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
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_AtOnce(config), "failures-at-once")
