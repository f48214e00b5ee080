"""Steps, cues and anchors for the tests of single parts of replay."""

from __future__ import annotations

from mockserver.core.frames import Text
from mockserver.core.view import Kind, View
from mockserver.dialects.causes import Role
from mockserver.engines.replay.chains import Chains
from mockserver.engines.replay.steps import Anchor, Chain, Cue, Step


def step(number: int, *, optional: bool = False, name: str = "ask", kind: Kind = Kind.EVENT) -> Step:
    """A client frame recorded at ``number`` seconds, at record ``10 * number``."""
    at = number * 1_000_000
    return Step(number, 10 * number, at, at, View(kind, name), Text("{}"), optional, "", 0, 0)


def cue(
    index: int = 0,
    *,
    chain: Chain | None = None,
    anchor: Anchor | None = None,
    response: str = "",
    role: Role = Role.NONE,
    closing: bool = False,
    prompt: bool = False,
) -> Cue:
    """A server frame from this place of a recording; it is added to its chain by ``waiting`` or by hand."""
    about = response, role, closing
    return Cue(index, 0, Text("{}"), None, None, anchor or Anchor(0, 1), chain or Chain("main"), *about, True, prompt)


def planned(one: Cue) -> Cue:
    """The cue as the last of its chain."""
    one.chain.cues.append(one)
    return one


def waiting(anchor: Anchor, *, closing: bool = False) -> Chain:
    """A chain whose first cue waits for this."""
    chains = Chains()
    chain = chains.named("main")
    chains.add(cue(chain=chain, anchor=anchor, closing=closing))
    anchor.waiting.append(chain)
    return chain
