"""The command ``mockserver``, as a shell starts it; ``python -m mockserver`` is the same."""

from __future__ import annotations

import gc
import sys

SERVING = frozenset({"record", "replay", "simulate", "script", "serve"})
"""The commands that are waited for until they are ready."""
STARTING = 100_000
"""Objects that a start makes, and more: nothing of them is rubbish, and to look at them takes a tenth of its time."""


def run() -> None:
    """Run it. The servers set the collector for their time once they are ready (``cli.collecting``)."""
    try:
        _run()
    except KeyboardInterrupt:  # amid the imports; a command that runs has its own way to end (cli.Commands)
        sys.stderr.write("mockserver: stopped by Ctrl-C\n")
        sys.exit(130)


def _run() -> None:
    if not SERVING.isdisjoint(sys.argv[1:2]):
        gc.set_threshold(STARTING, 10, 10)
    from mockserver.cli import main
    from mockserver.cli.streams import with_streams

    with_streams()
    main(prog_name="mockserver")


if __name__ == "__main__":
    run()
