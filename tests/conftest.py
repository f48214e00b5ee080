"""What every test can use: real captures where the machine has them, and the hypothesis profiles.

``shared_capture``  a test that takes it runs once for each captured session, and not at all where there are none.
``shared_spec``     the same for each published schema.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from tests import shared

# A busy machine is not a failure, so no profile has a deadline.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples on every run: a red build can be repeated, and a green one does not turn red by chance. `make fuzz`
# is where new ones are tried, and many of them.
settings.register_profile("ci", settings.get_profile("dev"), max_examples=30, derandomize=True, print_blob=True)
settings.register_profile("fuzz", settings.get_profile("dev"), max_examples=int(os.environ.get("EXAMPLES", "5000")))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


PURE = bool(os.environ.get("TESTS_PURE"))
"""Set by ``make test-pure``: no test may open a socket or start a process. Those that do are marked ``wire``."""
_at: list[str] = []


def _guard(event: str, args: tuple[object, ...]) -> None:
    if _at and event in ("socket.bind", "socket.connect", "subprocess.Popen"):
        raise AssertionError(f"{_at[0]}: {event} in a test of the pure part; mark it pytest.mark.wire")


if PURE:
    sys.addaudithook(_guard)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test is at work, as far as the guard is concerned."""
    _at[:] = [item.nodeid]
    try:
        return (yield)
    finally:
        _at.clear()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test of each captured session takes as long as there are captures. One with a loop has it for sockets.

    Sweeps run first: each of their runs is a fork of the process, which costs the more the more tests it has seen.
    """
    items.sort(key=lambda item: item.path.parent.name != "sweeping")
    for item in items:
        if "shared_capture" in getattr(item, "fixturenames", ()) or item.path.stem == "test_captures":
            item.add_marker(pytest.mark.long)
        if inspect.iscoroutinefunction(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.wire)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, paths in (("shared_capture", shared.captures), ("shared_spec", shared.specs)):
        if name in metafunc.fixturenames:
            found = paths()
            metafunc.parametrize(name, found, ids=[path.stem for path in found])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Keep looptime (0.9) away from synchronous tests.

    It asks the loop policy for the current loop before every test. Where no loop runs that makes one that nobody
    closes: a ResourceWarning in some later test, and on Python 3.12 and 3.13 a DeprecationWarning in this one.
    """
    synchronous = pyfuncitem.get_closest_marker("asyncio") is None
    if synchronous and "event_loop_policy" not in pyfuncitem._fixtureinfo.argnames:
        pyfuncitem.funcargs.pop("event_loop_policy", None)
    return (yield)
