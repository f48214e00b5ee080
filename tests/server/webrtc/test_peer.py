"""What of an offer is read, and where a call is answered."""

from __future__ import annotations

import pytest

from mockserver import MockServer, simulator
from mockserver.dialects.openai.calls import RealtimeCalls
from mockserver.server.webrtc.peer import BadOffer, without_candidates
from tests.server.webrtc.caller import calling

OFFER = """v=0
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=candidate:1 1 udp 2122 10.1.2.3 5000 typ host
a=candidate:2 1 udp 2122 0b3e.local 5000 typ host
a=end-of-candidates
a=mid:0
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=mid:1
"""


async def test_a_call_stays_on_loopback_and_reads_no_address() -> None:
    async with MockServer(simulator("openai")) as server, calling(server) as caller:
        answer = caller.peer.remoteDescription.sdp
    candidates = [line for line in answer.splitlines() if line.startswith("a=candidate:")]
    assert len(set(candidates)) == 1  # said for the audio and for the channel
    assert " 127.0.0.1 " in candidates[0]
    assert "candidate" not in without_candidates(OFFER)
    assert without_candidates(OFFER).count("a=mid") == 2


def test_an_offer_that_was_trimmed_is_refused_as_the_service_refuses_it() -> None:
    with pytest.raises(BadOffer) as refused:
        without_candidates(OFFER.strip())
    told = RealtimeCalls().bad_offer(str(refused.value)).body
    assert b"failed to unmarshal SDP: EOF" in told
    assert b"EOF" not in RealtimeCalls().bad_offer("anything else").body


@pytest.mark.parametrize(
    "offer",
    [
        "",
        "v=0\n",
        OFFER.replace("audio", "video"),
        OFFER + "m=video 9 X\n",
        OFFER + "m=audio 9 X\n",
        OFFER + "a=x\n" * 20_000,
    ],
)
def test_what_is_offered_beside_audio_and_a_channel_is_not_taken(offer: str) -> None:
    with pytest.raises(BadOffer):
        without_candidates(offer)
