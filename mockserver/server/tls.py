"""A certificate made on the spot, for clients that cannot do plain ``ws://``.

The certificate is for 127.0.0.1, ::1 and localhost and is signed by an authority made for this one server. Clients
learn to trust that authority through the variables of ``env``, which point at files that are removed with the server.
"""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
from pathlib import Path

from mockserver.errors import ServerError

NAMES = ("127.0.0.1", "::1", "localhost")
REPLACING = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""These replace what a client trusts, so they name a file with the system's authorities and ours."""
ADDING = ("NODE_EXTRA_CA_CERTS",)
"""These add to it."""


class Certificate:
    """The server's side of TLS, and the files that tell clients to trust it."""

    def __init__(self, *names: str, streams: bool = False) -> None:
        try:
            import trustme
        except ImportError:
            raise ServerError(
                "tls needs the package trustme, which is not installed: pip install 'realtime-mockserver[tls]'"
            ) from None
        authority = trustme.CA()
        certificate = authority.issue_cert(*dict.fromkeys((*NAMES, *names)))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(self.context)
        # The handshake of RFC 6455 is one of HTTP/1.1: who may talk to a websocket is not offered another.
        self.context.set_alpn_protocols(["h2", "http/1.1"] if streams else ["http/1.1"])
        self.pem: bytes = authority.cert_pem.bytes()
        self._folder: Path | None = None

    @property
    def ca_file(self) -> Path:
        """A file with this authority alone."""
        return self._files() / "mockserver-ca.pem"

    @property
    def bundle_file(self) -> Path:
        """A file with the system's authorities and this one."""
        return self._files() / "ca-bundle.pem"

    def env(self) -> dict[str, str]:
        """Variables that make clients trust the server (OpenSSL and httpx, requests, curl, Node)."""
        return {**{name: str(self.bundle_file) for name in REPLACING}, **{name: str(self.ca_file) for name in ADDING}}

    def client_context(self) -> ssl.SSLContext:
        """For a Python client that takes a context: trusts this authority alone."""
        return ssl.create_default_context(cadata=self.pem.decode())

    def close(self) -> None:
        """Remove the files."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _files(self) -> Path:
        if self._folder is None:
            folder = Path(tempfile.mkdtemp(prefix="mockserver-tls-"))
            (folder / "mockserver-ca.pem").write_bytes(self.pem)
            (folder / "ca-bundle.pem").write_bytes(system_authorities() + b"\n" + self.pem)
            self._folder = folder
        return self._folder


def system_authorities() -> bytes:
    """What clients trust now: the file of ``SSL_CERT_FILE``, the system's, or certifi's; empty where none is."""
    candidates = [os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile]
    try:
        import certifi

        candidates.append(certifi.where())
    except ImportError:
        pass  # a client that brings no certifi trusts the system's file
    for name in candidates:
        if name and Path(name).is_file():
            return Path(name).read_bytes()
    return b""
