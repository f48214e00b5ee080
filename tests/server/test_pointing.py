"""Clients that have an address in their code are turned here where a test asks for it, and put back."""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from typing import Any

import pytest
from phonic.environment import PhonicEnvironment

from mockserver import MockServer, simulator
from mockserver.dialects.pointing import PointTarget, bedrock_clients
from mockserver.errors import UsageError
from mockserver.server.pointing import point_clients


def test_phonic_is_pointed_and_put_back() -> None:
    before = PhonicEnvironment.DEFAULT.production
    with MockServer(simulator("phonic")).in_thread() as server:
        with pytest.MonkeyPatch.context() as patch:
            (told,) = point_clients(server, patch.setattr)
            socket = server.url.replace("http", "ws", 1)
            assert PhonicEnvironment.DEFAULT.production == socket
            assert told == f"phonic.environment.PhonicEnvironment.DEFAULT.production is {socket}"
        assert PhonicEnvironment.DEFAULT.production == before


def test_a_client_that_takes_an_address_is_not_patched() -> None:
    with MockServer(simulator("openai")).in_thread() as server, pytest.raises(UsageError, match="take an address"):
        point_clients(server, setattr)


def bedrock(ca: bytes | None) -> None:
    bedrock_clients(PointTarget("https://127.0.0.1:1", "wss://127.0.0.1:1", ca, setattr))


def test_aws_needs_tls_and_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="over TLS alone: start the server with tls=True"):
        bedrock(None)
    monkeypatch.setitem(sys.modules, "smithy_http.aio.crt", None)
    with pytest.raises(UsageError, match=r"smithy_http.aio.crt is not installed \(pip install 'aws-sdk-"):
        bedrock(b"")


@dataclass
class Address:
    """As smithy has it."""

    scheme: str
    host: str
    port: int | None = None


async def test_the_crt_transport_connects_here_in_the_place_of_bedrock_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for the transport, which needs Python 3.12; tests/clients/heavy has the real one."""

    class Transport:
        _tls_ctx: Any = "theirs"

        async def _get_connection(self, url: Address) -> tuple[Address, Any]:
            return url, self._tls_ctx

    class Trust:
        pem = b""

        def override_default_trust_store(self, pem: bytes) -> None:
            self.pem = pem

    crt = types.SimpleNamespace(AWSCRTHTTPClient=Transport)
    io = types.SimpleNamespace(TlsContextOptions=Trust, ClientTlsContext=lambda options: options.pem)
    monkeypatch.setitem(sys.modules, "smithy_http.aio.crt", crt)
    monkeypatch.setitem(sys.modules, "awscrt.io", io)
    async with MockServer(simulator("nova_sonic"), tls=True) as server:
        assert server.certificate is not None
        (told,) = point_clients(server, monkeypatch.setattr)
        assert f"connects to {server.url} in the place of bedrock-runtime.*" in told
        url, trusting = await Transport()._get_connection(Address("https", "bedrock-runtime.us-east-1.amazonaws.com"))
        assert (url.host, url.port, trusting) == ("127.0.0.1", server.port, server.certificate.pem)
        other, trusting = await Transport()._get_connection(Address("https", "sts.amazonaws.com", 443))
        assert (other.host, trusting) == ("sts.amazonaws.com", "theirs")
