"""``GET /__mockserver__/metrics``: what servers count of themselves, in Prometheus' text form (extra ``metrics``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from mockserver.errors import UsageError
from mockserver.server.meters import BOUNDS_MS

ABOUT: Mapping[str, tuple[str, str, str, tuple[str, ...]]] = {
    "open": ("gauge", "mockserver_sessions_open", "Sessions that run.", ("scenario", "provider")),
    "begun": ("counter", "mockserver_sessions_begun", "Connections that came.", ("scenario", "provider")),
    "ended": (
        "counter",
        "mockserver_sessions_ended",
        "Sessions that are over, by how: who closed or was lost, with the close code, or HTTP status of a refusal.",
        ("scenario", "provider", "reason", "code"),
    ),
    "frames": ("counter", "mockserver_frames", "Messages.", ("scenario", "provider", "direction")),
    "bytes": ("counter", "mockserver_bytes", "Bytes of messages.", ("scenario", "provider", "direction")),
    "mismatches": (
        "counter",
        "mockserver_mismatches",
        "Clients that departed from their cassette.",
        ("scenario", "provider"),
    ),
    "fired": (
        "counter",
        "mockserver_faults_fired",
        "How often a fault did something.",
        ("scenario", "provider", "fault"),
    ),
}
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text form."""


def rendered(snapshots: Sequence[tuple[str, Mapping[str, Any]]]) -> bytes:
    """The text. ``snapshots``: of each process, its name and what it counts; "" where there is one alone."""
    try:
        from prometheus_client import generate_latest
        from prometheus_client.registry import Collector, CollectorRegistry
    except ImportError:
        raise UsageError(
            "metrics are written by prometheus_client, which is not installed: "
            "pip install 'realtime-mockserver[metrics]'"
        ) from None

    class Told(Collector):
        def collect(self) -> Iterator[Any]:
            yield from _families(snapshots)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Told())
    return generate_latest(registry)


def _families(snapshots: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[Any]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    made = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}
    for key, (kind, name, about, labels) in ABOUT.items():
        family = made[kind](name, about, labels=("worker", *labels))
        for worker, snapshot in snapshots:
            for values, count in snapshot[key]:
                family.add_metric([worker, *map(str, values)], count)
        yield family
    late = HistogramMetricFamily(
        "mockserver_lateness_seconds", "How much later than due a session was woken.", labels=("worker",)
    )
    journal = GaugeMetricFamily("mockserver_journal_entries", "Entries that the journal has had.", labels=("worker",))
    for worker, snapshot in snapshots:
        bounds = [*(str(bound / 1_000) for bound in BOUNDS_MS), "+Inf"]
        sums = accumulate(snapshot["late"])
        late.add_metric([worker], list(zip(bounds, sums, strict=True)), sum_value=snapshot["late_us"] / 1e6)
        journal.add_metric([worker], snapshot["journal"])
    yield late
    yield journal
