"""What every test can use: real captures where the machine has them, and the hypothesis profiles.

``shared_capture``  a test that takes it runs once for each captured session, and not at all where there are none.
``shared_spec``     the same for each published schema.
"""

from __future__ import annotations

import gc
import inspect
import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import quiet, shared

# A busy machine is not a failure, so no profile has a deadline.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples on every run: a red build can be repeated, and a green one does not turn red by chance. `make fuzz`
# is where new ones are tried, and many of them. `make test-pure` is for a quick look.
EXAMPLES = 30 if os.environ.get("CI") else 8 if os.environ.get("TESTS_PURE") else 20
settings.register_profile("ci", settings.get_profile("dev"), max_examples=EXAMPLES, derandomize=True, print_blob=True)
settings.register_profile("fuzz", settings.get_profile("dev"), max_examples=int(os.environ.get("EXAMPLES", "5000")))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


HERE = Path(__file__).resolve().parent

# Whom clients trust: one authority that nobody has. No test goes out to the network, and httpx reads all whom it trusts
# each time a client is made, which is half of the time of a short conversation.
os.environ["SSL_CERT_FILE"] = str(HERE / "authority.pem")

LONG = {
    "attack": "bad clients against a server of its own",
    "bench": "the benchmark's own figures, in small",
    "browser": "a real browser",
    "clients": "real clients, whose packages take seconds to import",
    "concurrency": "many processes at once",
    "crash": "recorders that are killed and run out of disk",
    "examples": "real clients",
    "fuzz": "properties of everything, with anything",
    "soak": "hundreds of sessions",
    "test_sweep.py": "a scenario under every fault",
    "test_linear.py": "time that is measured, on texts of two sizes",
    "test_example_pages.py": "real clients in a copy of the folder",
    "test_first_minutes.py": "an environment of its own, from the built wheel",
    "test_package.py": "built packages",
    "test_quiet_workers.py": "pytest in processes of its own",
    "test_readme.py": "every command of every page",
    "test_short_tests_need.py": "a look at all tests",
    "test_site.py": "the documentation as a site",
}
"""What `make test` leaves out and `make check` runs: folders and files all of whose tests are ``long``, and why."""

PURE = bool(os.environ.get("TESTS_PURE"))
"""Set by ``make test-pure``: no test may open a socket or start a process. Those that do are marked ``wire``."""
_at: list[str] = []


def _guard(event: str, args: tuple[object, ...]) -> None:
    if _at and event in ("socket.bind", "socket.connect", "subprocess.Popen"):
        raise AssertionError(f"{_at[0]}: {event} in a test of the pure part; mark it pytest.mark.wire")


if PURE:
    sys.addaudithook(_guard)
    # Short tests of values leave few circles behind: to look for them seventy times less often is a tenth of the time.
    gc.set_threshold(50_000, 20, 50)


def pytest_configure(config: pytest.Config) -> None:
    if quiet.serves(config):
        config.pluginmanager.register(quiet)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test is at work, as far as the guard is concerned."""
    _at[:] = [item.nodeid]
    try:
        return (yield)
    finally:
        _at.clear()


def is_long(path: Path) -> bool:
    """Whether all tests of a file are ``long``."""
    return path.is_relative_to(HERE) and any(part in LONG for part in path.relative_to(HERE).parts)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Who leaves out the long tests does not import them: the real clients alone take seconds."""
    return True if "not long" in config.option.markexpr and is_long(collection_path) else None


def pytest_collection_finish() -> None:
    """The collector of garbage need not look at thousands of tests again and again.

    The most it spares is in the sweeps, whose runs each end with a collection: two thirds of their time.
    """
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test of each captured session takes as long as there are captures. One with a loop has it for sockets.

    Sweeps run first: each of their runs is a fork of the process, which costs the more the more tests it has seen.
    """
    items.sort(key=lambda item: item.path.parent.name != "sweeping")
    for item in items:
        of_captures = "shared_capture" in getattr(item, "fixturenames", ()) or item.path.stem == "test_captures"
        if of_captures or is_long(item.path):
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
