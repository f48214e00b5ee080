"""Nova Sonic as a source: one conversation a stream."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from mockserver.core.frames import Handshake, Refuse
from mockserver.engines import base
from mockserver.engines.answered import Answered
from mockserver.engines.simulator.addresses import Astray
from mockserver.engines.simulator.common import Provider, SimulatorSource
from mockserver.engines.simulator.nova_sonic.engine import NovaSonicEngine
from mockserver.engines.simulator.nova_sonic.options import NovaSonicOptions
from mockserver.engines.simulator.nova_sonic.problems import NO_MODEL, TOO_MANY

_ADDRESS = re.compile(r"/model/([^/]{1,200})/invoke-with-bidirectional-stream")
_MODEL = re.compile(r"([a-z-]{2,10}\.)?amazon\.nova(-\d+)*-sonic(-v\d+:\d+)?")
_KEY = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]{1,128})/\d{8}/[\w-]{1,32}/bedrock/aws4_request, ?"
    r"SignedHeaders=[^,\s]{1,2000}, ?Signature=[0-9a-f]{64}"
)
"""Of a request of Signature Version 4. The signature itself is not checked (nova_sonic.md#2, nova_sonic.md#3)."""


class NovaSonicSource(SimulatorSource[NovaSonicOptions]):
    """Counts its streams: an account has so many at a time (nova_sonic.md#50)."""

    streams = 0

    @property
    def default_model(self) -> str:
        """The newest with a version of its own (nova_sonic.md#53)."""
        return "amazon.nova-2-sonic-v1:0"

    def knows(self, model: str) -> bool:
        """Names as the models have them, also behind the prefix of a region's profile (nova_sonic.md#53)."""
        return super().knows(model) and (self.options.models is not None or _MODEL.fullmatch(model) is not None)

    def astray(self, handshake: Handshake) -> Astray | None:
        """Any model has an address."""
        return None if _ADDRESS.fullmatch(handshake.path) else Astray(Refuse(404))

    def begin(self, handshake: Handshake, context: base.SessionContext) -> base.Engine:
        """A stream, or what the service says in its place."""
        told = _ADDRESS.fullmatch(handshake.path)
        assert told is not None
        signed = _KEY.fullmatch(handshake.header("authorization") or "")
        if not self.accepts(signed[1] if signed else None):
            # The words are unknown; status and class are those of the list of common errors (nova_sonic.md#64).
            known = "IncompleteSignature" if signed is None else "InvalidClientTokenId"
            status = 400 if signed is None else 403
            return Answered(refusal(status, known, f"{known}: the request has no access key that exists"))
        if not self.knows(told[1]):
            return Answered(refusal(400, "ValidationException", NO_MODEL))
        if self.options.most_streams is not None and self.streams >= self.options.most_streams:
            return Answered(refusal(429, "ThrottlingException", TOO_MANY))
        return NovaSonicEngine(
            options=self.options,
            context=context,
            model=told[1],
            first_generation="nova-sonic-v1" in told[1],
            replier=self.replier,
            ear=self.new_ear(),
            failed=self.failed,
            counted=self._counted,
        )

    def _counted(self, by: int) -> None:
        self.streams += by


def refusal(status: int, kind: str, message: str) -> Refuse:
    """An answer in the place of a stream (nova_sonic.md#62)."""
    headers = (
        ("content-type", "application/json"),
        ("x-amzn-errortype", f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"),
    )
    return Refuse(status, headers, json.dumps({"message": message}).encode())


PROVIDERS: Mapping[str, Provider] = {"nova_sonic": Provider("nova_sonic", NovaSonicOptions, NovaSonicSource)}
