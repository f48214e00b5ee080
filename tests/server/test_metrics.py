"""What a server counts of itself, and how Prometheus is told."""

from __future__ import annotations

import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mockserver.core.frames import Answer, Binary, Close, Handshake, Lost, Note, Sender, Text
from mockserver.core.journal import Journal
from mockserver.dialects.registry import dialect_named
from mockserver.errors import UsageError
from mockserver.server.meters import Meters
from mockserver.server.metrics import rendered
from mockserver.server.scenarios.folders import Remote


def counted() -> Meters:
    journal = Journal(seed=0)
    meters = Meters(journal)
    for scenario, last in (("a", Close(1000)), ("a", Lost()), ("b", None)):
        log = journal.open(dialect_named("openai"), scenario=scenario)
        meters.began(log)
        journal.write(log, 0, Sender.CLIENT, Handshake("/v1/realtime"))
        journal.write(log, 0, Sender.SERVER, Answer(101))
        journal.write(log, 1, Sender.CLIENT, Text('{"type":"é"}'))
        journal.write(log, 2, Sender.SERVER, Binary(b"1234"))
        journal.note(log, 3, Note("fault", "did", {"fault": "reset after 3s"}))
        journal.note(log, 3, Note("replay", "nothing of the kind", {"departed": True}))
        journal.note(log, 3, Note("replay", "it waits", {"stalled": True}))
        if last is not None:
            journal.write(log, 4, Sender.CLIENT, last)
            meters.closed(log)
    for scenario, ends in (("c", Answer(403)), ("d", Lost())):
        log = journal.open(dialect_named("openai"), scenario=scenario)
        meters.began(log)
        journal.write(log, 0, Sender.SERVER, ends)
        meters.closed(log)
    for late in (500, 3_000, 9_000_000):
        meters.late(late)
    return meters


def told(meters: Meters) -> dict[tuple[str, ...], float]:
    """Samples by name and labels."""
    text = rendered([("0", meters.snapshot())]).decode()
    return {
        (sample.name, *(value for name, value in sorted(sample.labels.items()) if name != "worker")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_everything_is_counted_by_scenario_and_provider() -> None:
    found = told(counted())
    for key, value in {
        ("mockserver_sessions_begun_total", "openai", "a"): 2,
        ("mockserver_sessions_open", "openai", "a"): 0,
        ("mockserver_sessions_open", "openai", "b"): 1,
        ("mockserver_sessions_ended_total", "1000", "openai", "client_close", "a"): 1,
        ("mockserver_sessions_ended_total", "0", "openai", "client_lost", "a"): 1,
        ("mockserver_sessions_ended_total", "403", "openai", "refused", "c"): 1,
        ("mockserver_sessions_ended_total", "0", "openai", "server_lost", "d"): 1,
        ("mockserver_journal_entries",): 3 * 8 + 2 + 2 * 2,  # a note of the seed stands before each
        ("mockserver_frames_total", "in", "openai", "a"): 2,
        ("mockserver_bytes_total", "in", "openai", "b"): 13,
        ("mockserver_bytes_total", "out", "openai", "b"): 4,
        ("mockserver_mismatches_total", "openai", "a"): 2,
        ("mockserver_faults_fired_total", "reset after 3s", "openai", "b"): 1,
        ("mockserver_lateness_seconds_bucket", "0.001"): 1,
        ("mockserver_lateness_seconds_bucket", "0.005"): 2,
        ("mockserver_lateness_seconds_bucket", "5.0"): 2,
        ("mockserver_lateness_seconds_bucket", "+Inf"): 3,
        ("mockserver_lateness_seconds_count",): 3,
    }.items():
        assert found[key] == value, (key, found)
    assert found[("mockserver_lateness_seconds_sum",)] == pytest.approx(9.0035)


def test_what_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(UsageError, match=r"realtime-mockserver\[metrics\]"):
        rendered([])
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"realtime-mockserver\[storage\]"):
        Remote("s3://bucket").cassette("a")
    monkeypatch.setitem(sys.modules, "locust", None)
    monkeypatch.delitem(sys.modules, "mockserver.load.user", raising=False)
    import mockserver.load

    with pytest.raises(UsageError, match=r"realtime-mockserver\[load\]"):
        mockserver.load.CassetteUser  # noqa: B018 - it is made when it is asked for
