"""Options and fixtures of the whole suite.

`--external` also runs the tests marked `external` (they need Node, a browser or another server). `--no-skips` makes a
skipped test a failure of the run, so that a complete run is really complete.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.shared import SHARED_DATA


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suite's own options."""
    parser.addoption("--external", action="store_true", help="run the tests that need Node, a browser or a server")
    parser.addoption("--no-skips", action="store_true", help="fail the run when a test was skipped")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs more than Python, unless asked for."""
    if config.getoption("--external"):
        return
    skip = pytest.mark.skip(reason="needs more than Python: make test-all runs it")
    for item in items:
        if item.get_closest_marker("external"):
            item.add_marker(skip)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a `--no-skips` run that skipped something."""
    if not session.config.getoption("--no-skips") or hasattr(session.config, "workerinput"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say why a `--no-skips` run failed."""
    skipped = len(terminalreporter.stats.get("skipped", []))
    if config.getoption("--no-skips") and skipped:
        terminalreporter.write_line(f"{skipped} skipped, and --no-skips allows none: the run failed", red=True)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real test data, or skip the test."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no test data at {SHARED_DATA}")
    return SHARED_DATA
