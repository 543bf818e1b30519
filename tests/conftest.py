"""Options and fixtures of the whole suite.

`--external` also runs the tests marked `external` (they need Node, a browser or another server). `--no-skips` makes a
skipped test a failure of the run, so that a complete run is really complete.

Async tests run on the loop of the fixture `runner` if they, or a fixture of theirs, have it.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes.clock import Clock
from tests.fakes.shared import SHARED_DATA

# A machine that is busy with other tests is no fault of what is tested.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

LONGEST = ("test_queries_agree.py", "test_moving_in_kill.py")
"""Files with a test that takes minutes, the longest first; after them come tests marked `slow`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suite's own options."""
    parser.addoption("--external", action="store_true", help="run the tests that need Node, a browser or a server")
    parser.addoption("--no-skips", action="store_true", help="fail the run when a test was skipped")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs more than Python, unless asked for, and let several workers begin with what takes longest."""
    if hasattr(config, "workerinput"):
        items.sort(key=_turn)
    if config.getoption("--external"):
        return
    skip = pytest.mark.skip(reason="needs more than Python: make test-all runs it")
    for item in items:
        if item.get_closest_marker("external"):
            item.add_marker(skip)


def _turn(item: pytest.Item) -> int:
    """Return when it is the turn of a test: what is long and begun last would leave the other workers waiting."""
    if item.path.name in LONGEST:
        return LONGEST.index(item.path.name)
    return len(LONGEST) + (item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """Leave what was collected, tens of thousands of tests, out of every search for garbage."""
    gc.collect()
    gc.freeze()


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


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests, but for those that anyio runs on the loop of their fixtures."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or pyfuncitem.get_closest_marker("anyio"):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    runner = pyfuncitem.funcargs.get("runner")
    run = runner.run if runner else asyncio.run
    run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Return the loop an async test runs on."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def clock() -> Clock:
    """Return a clock that a test moves."""
    return Clock()
