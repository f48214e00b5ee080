"""``mockserver script``: a server that says what a Python file of the user's has written, for any client."""

from __future__ import annotations

from typing import Any

import click

from mockserver.cli import turns
from mockserver.cli.common import server_options, serving
from mockserver.cli.serve import serve


@click.command("script")
@click.argument("file", metavar="FILE.py[:NAME]")
@serving
def script_command(file: str, as_json: bool, command: tuple[str, ...], **options: Any) -> None:
    """Answer clients as the script NAME in FILE.py says ("script" where no NAME is given).

    The file is run as Python. With a COMMAND, it runs with the variables set that point clients here, and its exit
    status is returned. Where the client departs from the script, the report goes to stderr and the exit status is 1.
    """
    from mockserver.providers import installed
    from mockserver.server.host import MockServer
    from mockserver.server.script_files import ran, script_of, split_name

    installed()
    path, name = split_name(file)
    server = MockServer(script_of(ran(path), path, name), **server_options(options))
    raise SystemExit(
        turns.run(
            serve(server, f"playing the script {name} of {path}", as_json=as_json, command=command, options=options)
        )
    )
