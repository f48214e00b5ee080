"""Waiting for what comes into the journal, for answers that are held until there is something to tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mockserver.core.entry import Entry
from mockserver.core.journal import Journal


async def entry_comes(journal: Journal, wanted: Callable[[Entry], bool], seconds: float) -> None:
    """Until such an entry is written, or so long: the answer holds nothing new then, which says as much."""
    came = asyncio.Event()

    def look(entry: Entry) -> None:
        if wanted(entry):
            came.set()

    forget = journal.listen(look)
    try:
        async with asyncio.timeout(seconds):
            await came.wait()
    except TimeoutError:
        pass
    finally:
        forget()
