"""What the provider says where a client ends a reply that the recording let go on."""

from __future__ import annotations

from mockserver.core.frames import Send, Sender, Text, to_client
from mockserver.core.ids import Ids
from mockserver.dialects.base import Dialect
from mockserver.dialects.life import Outcome
from mockserver.engines.replay.aliases import Aliases
from mockserver.engines.replay.recording import Score
from mockserver.engines.replay.steps import Cue


def closing(began: Cue, score: Score, dialect: Dialect, aliases: Aliases, mint: Ids) -> list[Send]:
    """The frames that close a reply which is on its way since the cue ``began``, after what of it has been played."""
    planned = {place for cue in score.chains.cues() for place in cue.places()}
    replies = dialect.replies()
    for place in range(began.index, score.progress + 1):
        record = score.records[place]
        if record.sender is Sender.SERVER and place not in planned:
            parts = score.ids.cut(record.frame)
            replies.see(Sender.SERVER, record.frame if parts is None else Text(aliases.fill(parts)))
    if began.response not in replies.open:
        return []
    return [to_client(frame) for frame in replies.end(began.response, Outcome("cancelled", "client_cancelled"), mint)]
