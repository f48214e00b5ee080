"""Callers that play the client's half of a cassette through the balancer, again and again."""

from pathlib import Path

from locust import between

from mockserver.load import CassetteUser


class TextCaller(CassetteUser):
    cassette = Path(__file__).parent / "text.cassette"
    check = "exact"
    key = "any"
    wait_time = between(0.5, 1.5)
