"""``virtual_time=True`` with each of the plugins that run async tests, and without looptime."""

from __future__ import annotations

import pytest

from tests.plugin.conftest import Run

HOUR = """
import asyncio, time
import pytest
from talk import WHOLE, ask, talk

{head}

@pytest.mark.{mark}
@pytest.mark.realtime_mock(script=talk, virtual_time=True)
async def test_an_hour(realtime_mock, realtime_mock_url):
    real, virtual = time.monotonic(), asyncio.get_running_loop().time()
    await asyncio.sleep(3600)
    assert await ask(realtime_mock.ws_url) == WHOLE
    assert realtime_mock_url == realtime_mock.base_url
    assert asyncio.get_running_loop().time() - virtual >= 3600
    assert time.monotonic() - real < 10

@pytest.mark.{mark}
async def test_and_then_real_time_again():
    began = time.monotonic()
    await asyncio.sleep(0.05)
    assert time.monotonic() - began >= 0.04
"""
ANYIO = "anyio_backend = pytest.fixture(lambda: 'asyncio')"


@pytest.mark.parametrize(("plugin", "head", "mark"), [("asyncio", "", "asyncio"), ("anyio", ANYIO, "anyio")])
def test_an_hour_passes_at_once(project: pytest.Pytester, inner: Run, plugin: str, head: str, mark: str) -> None:
    project.makepyfile(HOUR.format(head=head, mark=mark))
    scope = ("-o", "asyncio_default_fixture_loop_scope=function") if plugin == "asyncio" else ()
    inner(*scope, plugins=(plugin,)).assert_outcomes(passed=2)
