from __future__ import annotations

from mockserver.core.burst import Burst
from mockserver.core.frames import Frame, Note, Peer, Send, Sender, Text
from mockserver.engines.replay.live_lines import SHOWN, LiveLines


def hide(frame: Frame) -> Frame:
    return Text(frame.data.replace("secret", "...")) if isinstance(frame, Text) else frame


def test_both_sides_in_order_and_the_client_without_its_secrets() -> None:
    lines = LiveLines(hide)
    lines.client(Text("my secret"), 1)
    lines.played([Note("replay", "no frame"), Send(Peer.CLIENT, Text("a secret")), Burst([("xyz", (0, 1, "-"))])], 2)
    assert [(line.at, line.sender, line.frame) for line in lines.told()] == [
        (1, Sender.CLIENT, Text("my ...")),
        (2, Sender.SERVER, Text("a secret")),
        (2, Sender.SERVER, Text("-yz")),
    ]


def test_the_newest_are_kept() -> None:
    lines = LiveLines(None)
    lines.played([Burst([(str(number), None) for number in range(1_000)])], 1)
    assert [line.frame for line in lines.told()] == [Text(str(number)) for number in range(1_000 - SHOWN, 1_000)]
    lines.client(Text("last"), 2)
    assert len(lines.told()) == SHOWN
    assert lines.told()[-1].frame == Text("last")
