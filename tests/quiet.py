"""A plugin for the workers of pytest-xdist: a test that passes is two messages to the controller, not six.

xdist tells of a test's start, setup, call, teardown and end, and that the worker is ready for the next one. Writing
and reading all that costs 1.6 ms for each test, more than most of them take. What the controller needs of a test
that passes is the report of its call; what did not pass is reported whole, whichever phase it is.
"""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol


def serves(config: pytest.Config) -> bool:
    """Whether this is a worker, and nobody has asked for what the other reports are for: times, JUnit's file."""
    return hasattr(config, "workerinput") and config.option.durations is None and config.option.xmlpath is None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run one test, as pytest's own hook of this name does."""
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    return True
