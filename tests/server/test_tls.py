"""TLS with a certificate made on the spot: clients that trust it connect, others do not, and nothing stays on disk."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from websockets.sync.client import connect

from mockserver import MockServer, script
from mockserver.errors import ExpectationFailed, ServerError
from mockserver.server.tls import ADDING, REPLACING, Certificate, system_authorities

HELLO = {"type": "session.created"}


def contents(file: Path) -> bytes:
    return file.read_bytes()


async def test_a_client_that_trusts_the_certificate_connects() -> None:
    async with MockServer(script(script.send(HELLO), script.closed()), tls=True) as server:
        assert server.url.startswith("https://127.0.0.1:")
        assert server.ws_url.startswith("wss://127.0.0.1:")
        assert server.certificate is not None
        trusting = server.certificate.client_context()
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(server.ws_url, ssl=trusting) as ws,
        ):
            assert json.loads((await ws.receive()).data) == HELLO
            for name in ("localhost", "127.0.0.1"):
                async with session.get(f"https://{name}:{server.port}/x", ssl=trusting) as answer:
                    assert answer.status == 404


async def test_a_client_that_does_not_trust_it_does_not_connect() -> None:
    async with MockServer(script(), tls=True) as server, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.ws_connect(server.ws_url)
        assert server.sessions == []


def test_the_variables_make_a_child_process_trust_it() -> None:
    code = (
        "import os, ssl, sys\n"
        "from websockets.sync.client import connect\n"
        "context = ssl.create_default_context(cafile=os.environ['SSL_CERT_FILE'])\n"
        "print(connect(sys.argv[1], ssl=context).recv())\n"
    )
    with MockServer(script(script.send(HELLO), script.closed()), tls=True).in_thread() as server:
        env = server.env()
        assert env["OPENAI_BASE_URL"] == server.base_url
        assert {*REPLACING, *ADDING} <= set(env)
        done = subprocess.run(
            [sys.executable, "-c", code + "sys.stdout.flush(); os._exit(0)", server.ws_url],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        server.source.problems()
        assert (done.stdout, done.stderr) == ('{"type":"session.created"}\n', "")
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(server.ws_url)


async def test_the_bundle_holds_the_system_s_authorities_too_and_is_removed() -> None:
    server = MockServer(script(), tls=True)
    await server.start()
    assert server.certificate is not None
    bundle = Path(server.env()["SSL_CERT_FILE"])
    alone = Path(server.env()["NODE_EXTRA_CA_CERTS"])
    ours = server.certificate.pem
    assert (contents(alone), contents(bundle)) == (ours, system_authorities() + b"\n" + ours)
    await server.close()
    assert not bundle.parent.exists()


async def test_large_frames_and_a_client_that_reads_late() -> None:
    # TLS has buffers of its own, so back-pressure is another there.
    texts = [str(number) * 200_000 for number in range(10)] * 4
    async with MockServer(script(script.send(*texts), script.closed()), tls=True, compress=False) as server:
        assert server.certificate is not None
        context = server.certificate.client_context()
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(server.ws_url, ssl=context, max_msg_size=0) as ws,
        ):
            assert [(await ws.receive()).data for _ in texts] == texts


async def test_a_client_that_speaks_tls_to_a_plain_port_is_told_of_once() -> None:
    server = MockServer(script())
    await server.start()
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            with pytest.raises(aiohttp.ClientConnectorSSLError):
                await session.ws_connect(server.ws_url.replace("ws:", "wss:"))
        [problem] = server.problems()
        assert str(problem).startswith("a client spoke TLS to this server, which speaks plain HTTP")
        assert "--tls" in str(problem)
        async with session.get(f"{server.url}/__mockserver__/state") as answer:
            assert (await answer.json())["problems"] == [str(problem)]
    with pytest.raises(ExpectationFailed, match="spoke TLS"):
        server.verify()
    await server.close()


async def test_other_bytes_that_are_no_http_are_no_tls() -> None:
    async with MockServer(script()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.0 400")
        writer.close()
        await writer.wait_closed()
        assert server.problems() == []


def test_without_the_package_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ServerError, match=r"pip install 'realtime-mockserver\[tls\]'"):
        Certificate()
    with (
        pytest.raises(ServerError, match="tls needs the package trustme"),
        MockServer(script(), tls=True).in_thread(),
    ):
        pass
