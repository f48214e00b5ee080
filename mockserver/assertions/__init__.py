"""Ready-made assertions for what this project is for: orphans, isolation, spoken words, interruptions.

Each checks content, never mere arrival, and explains itself: what was expected, what was found and where, the timeline.
They read the journal (what crossed the client's wire), the simulator's own state, and the audio itself
(``mockserver.speech``). ``surfaced`` is what the client gave its user - texts, or PCM16 audio as bytes: the wire alone
cannot show it, so pass whatever your client's API returned. See docs/assertions.md.
"""

from mockserver.assertions.checks import assert_interrupted, assert_isolated, assert_orphan_discarded, assert_spoken
from mockserver.assertions.rules import assert_cancelled, assert_metadata_echoed, assert_one_at_a_time
from mockserver.assertions.said import audio_of, said_in
from mockserver.core.expect import in_order

__all__ = [
    "assert_cancelled",
    "assert_interrupted",
    "assert_isolated",
    "assert_metadata_echoed",
    "assert_one_at_a_time",
    "assert_orphan_discarded",
    "assert_spoken",
    "audio_of",
    "in_order",
    "said_in",
]
