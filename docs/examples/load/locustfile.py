"""Callers that play the client's half of a cassette through the balancer, again and again."""

from pathlib import Path

from locust import between, runners

from mockserver.load import CassetteUser

# Where callers and replicas share a few cores, a worker that is busy for three seconds is not a missing one.
runners.HEARTBEAT_LIVENESS = 30


class TextCaller(CassetteUser):
    cassette = Path(__file__).parent / "text.cassette"
    check = "exact"
    checked = 0.1  # one call in ten is compared word by word; all give times and ends
    key = "any"
    wait_time = between(0.5, 1.5)
