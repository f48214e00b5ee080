"""Clients that have their service's address written into their code, and how a test turns them elsewhere.

Nothing here is done by itself: a test asks for it (the fixture ``realtime_mock_point``), and is told what was changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from mockserver.errors import UsageError


@dataclass(frozen=True, slots=True)
class PointTarget:
    """Where clients go instead. ``http`` and ``ws``: origins. ``ca``: the authority of the certificate, as PEM.

    ``put`` sets an attribute and puts the old one back when the test ends, as pytest's ``monkeypatch.setattr`` does.
    """

    http: str
    ws: str
    ca: bytes | None
    put: Callable[[Any, str, Any], object]


def phonic_clients(target: PointTarget) -> str:
    """The phonic package, and livekit's plugin with it: one address for all its clients (clients.md#11)."""
    environment = _module("phonic.environment", "phonic").PhonicEnvironment.DEFAULT
    target.put(environment, "production", target.ws)
    return f"phonic.environment.PhonicEnvironment.DEFAULT.production is {target.ws}"


def bedrock_clients(target: PointTarget) -> str:
    """AWS' SDK for Python, and livekit and pipecat with it: all of them connect by its CRT transport, which is turned
    here, and which has no option for whom it trusts (nova_sonic.md#7, nova_sonic.md#11).
    """
    if target.ca is None:
        raise UsageError("AWS' CRT transport speaks HTTP/2 over TLS alone: start the server with tls=True")
    crt = _module("smithy_http.aio.crt", "aws-sdk-bedrock-runtime[awscrt]")
    io = _module("awscrt.io", "aws-sdk-bedrock-runtime[awscrt]")
    options = io.TlsContextOptions()
    options.override_default_trust_store(target.ca)
    trusting = io.ClientTlsContext(options)
    at = urlsplit(target.http)
    before = crt.AWSCRTHTTPClient._get_connection

    async def here(client: Any, url: Any) -> Any:
        if url.host.startswith("bedrock-runtime.") or (url.host, url.port) == (at.hostname, at.port):
            client._tls_ctx = trusting
            url = replace(url, scheme=at.scheme, host=at.hostname, port=at.port)
        return await before(client, url)

    target.put(crt.AWSCRTHTTPClient, "_get_connection", here)
    return (
        f"smithy_http.aio.crt.AWSCRTHTTPClient connects to {target.http} in the place of bedrock-runtime.*, and trusts "
        "this server's certificate there"
    )


def _module(name: str, package: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise UsageError(f"there is no client to point: {name} is not installed (pip install '{package}')") from None
