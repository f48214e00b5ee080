"""The template of warm programs (see tests/warm): imports, then forks for whoever asks at the socket of its argument.

It ends when its standard input does, which is when the tests that began it are over.
"""

from __future__ import annotations

import sys

sys.path.pop(0)  # this folder, which no program is to see

import asyncio  # noqa: F401 - what programs import
import atexit
import gc
import importlib.metadata
import io
import os
import runpy
import selectors
import signal
import socket
import threading
import time
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

IMPORTED = (
    *("aiohttp", "aiohttp.web", "click", "msgpack", "pydantic", "websockets.sync.client", "yaml"),
    *("_pytest.config", "_pytest.pytester", "pytest"),
    *("mockserver.engines.replay", "mockserver.engines.script", "mockserver.engines.simulator.openai.source"),
    *("mockserver.server.record", "mockserver.server.workers", "mockserver.pytest_plugin.running"),
)
"""What programs import; beside these, the modules of mockserver's commands. No plugin of pytest is among them: pytest
rewrites their asserts while they are imported."""
KNOWN = ("PYTHONPATH", "PYTHONWARNINGS", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
"""Variables of python's own that a fork can heed. A program that has another one is begun, not forked."""

AUTHORITIES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def main(address: str) -> None:
    """Serve until the standard input ends."""
    for name in IMPORTED:
        importlib.import_module(name)
    for name in {module for module, _ in importlib.import_module("mockserver.cli").COMMANDS.values()}:
        importlib.import_module(name)
    importlib.import_module("_pytest.config").get_config()  # imports the plugins that pytest itself has
    importlib.metadata.entry_points()  # and remembers where distributions are
    # Pytest would say that it can no longer rewrite the asserts of a package that has a plugin.
    sys.modules["mockserver"].__doc__ = "PYTEST_DONT_REWRITE"
    assert threading.active_count() == 1, "a process with threads cannot be forked"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    rung, bell = os.pipe()
    os.set_blocking(rung, False)
    os.set_blocking(bell, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What is here stays: no collection of a fork looks at it, and so no page of it is copied for that.
    gc.collect()
    gc.freeze()
    os.write(1, b"ready\n")
    running: dict[int, socket.socket] = {}
    selector = selectors.DefaultSelector()
    for one in (0, rung, listener):
        selector.register(one, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj == 0:
                for process in running:
                    os.kill(process, signal.SIGKILL)
                return
            if key.fileobj == rung:
                drained(rung)
                for process, status in ended():
                    answer = running.pop(process)
                    if answer in selector.get_map():
                        selector.unregister(answer)
                        answered(answer, status)
                    answer.close()
            elif key.fileobj is listener:
                asking = listener.accept()[0]
                begun = begin(asking)
                if begun:
                    running[begun] = asking
                    selector.register(asking, selectors.EVENT_READ, begun)
                    answered(asking, begun)
                else:
                    asking.close()
            else:  # who asked has gone, and so does its program
                selector.unregister(key.fileobj)
                if key.data in running:
                    os.kill(key.data, signal.SIGKILL)


def drained(rung: int) -> None:
    """Take what the bell has left."""
    try:
        while os.read(rung, 4096):
            pass
    except BlockingIOError:
        pass


def ended() -> Iterator[tuple[int, int]]:
    """The forks that have ended, and how."""
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not process:
            return
        yield process, status


def answered(asking: socket.socket, number: int) -> None:
    """Tell a number, if there is still somebody to tell it."""
    try:
        asking.sendall(number.to_bytes(4, "big"))
    except OSError:
        pass


def begin(asking: socket.socket) -> int:
    """Fork for a request; the fork's process id, or 0 where there was no whole request."""
    asking.settimeout(20)
    head, files, _, _ = socket.recv_fds(asking, 4, 3)
    try:
        rest, message = int.from_bytes(head, "big"), b""
        while len(message) < rest:
            piece = asking.recv(rest - len(message))
            if not piece:
                return 0
            message += piece
        if len(files) != 3:
            return 0
        process = os.fork()
        if process == 0:
            become(message, files)
        return process
    finally:
        for one in files:
            os.close(one)


def become(message: bytes, files: list[int]) -> None:
    """In the fork: be the program that was asked for, and never come back."""
    status = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        folder, mask, count, *words = message.split(b"\0")
        arguments = [os.fsdecode(one) for one in words[: int(count)]]
        for place, one in enumerate(files):
            os.dup2(one, place)
        os.closerange(3, 1024)
        os.umask(int(mask))
        os.chdir(folder)
        before = {name: os.environ.get(name) for name in AUTHORITIES}
        os.environ.clear()
        for one in words[int(count) :]:
            name, _, value = one.partition(b"=")
            os.environb[name] = value
        time.tzset()
        trust(before)
        streams()
        status = run(arguments)
    except BaseException:  # noqa: BLE001 - whatever it is, it is told, and this process ends here
        sys.excepthook(*sys.exc_info())
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            status = status or 120
        os._exit(status)


def trust(before: dict[str, str | None]) -> None:
    """aiohttp reads whom it trusts while it is imported, so it reads it again where the program trusts others."""
    if any(os.environ.get(name) != value for name, value in before.items()):
        connector = sys.modules["aiohttp.connector"]
        connector._SSL_CONTEXT_VERIFIED = connector._make_ssl_context(True)  # type: ignore[attr-defined]


def streams() -> None:
    """The three standard streams, as a python opens them."""
    now = "PYTHONUNBUFFERED" in os.environ
    sys.stdin = sys.__stdin__ = open(0, encoding=sys.stdin.encoding, closefd=False)  # type: ignore[misc]  # noqa: SIM115
    for number, errors in ((1, "strict"), (2, "backslashreplace")):
        raw = io.FileIO(number, "w", closefd=False)
        told = io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=sys.stdin.encoding,
            errors=errors,
            line_buffering=number == 2 or raw.isatty(),
            write_through=now,
        )
        name = "stdout" if number == 1 else "stderr"
        setattr(sys, name, told)
        setattr(sys, f"__{name}__", told)


def run(arguments: list[str]) -> int:
    """Run a python's command line; its exit status."""
    program, *words = arguments
    filters = [one for one in os.environ.get("PYTHONWARNINGS", "").split(",") if one]
    own = program != sys.executable  # a console script, which is itself the file to run
    while not own and words and words[0] in ("-W", "-u"):
        filters += words[1:2] if words[0] == "-W" else []
        words = words[2:] if words[0] == "-W" else words[1:]
    script = program if own else words[0] if words else ""
    strange = any(name.startswith("PYTHON") and name not in KNOWN for name in os.environ)
    if strange or not script or (script.startswith("-") and script not in ("-c", "-m")):
        os.execv(sys.executable, [sys.executable, *([program] if own else []), *arguments[1:]])
    for one in filters:
        warnings._setoption(one)  # type: ignore[attr-defined]
    sys.warnoptions[:] = filters
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:0] = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one]
    sys.orig_argv[:] = arguments
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    try:
        try:
            if script == "-m":
                sys.path.insert(0, str(Path.cwd()))
                sys.argv[:] = words[1:]
                runpy._run_module_as_main(words[1])  # type: ignore[attr-defined]
            elif script == "-c":
                sys.path.insert(0, "")
                sys.argv[:] = ["-c", *words[2:]]
                exec(compile(words[1], "<string>", "exec"), vars(module))
            else:
                sys.path.insert(0, str(Path(script).resolve().parent))
                sys.argv[:] = words if not own else [program, *words]
                script = str(Path(script).absolute())
                module.__dict__.update(__file__=script, __builtins__=__builtins__)
                with io.open_code(script) as text:
                    exec(compile(text.read(), script, "exec"), vars(module))
            return finished(0)
        except SystemExit as asked:
            code = asked.code
            if code is not None and not isinstance(code, int):
                print(code, file=sys.stderr)
                code = 1
            return finished((code or 0) & 0xFF)
        except KeyboardInterrupt:
            sys.excepthook(*sys.exc_info())
            finished(1)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
            return 1
    except BaseException:  # noqa: BLE001 - an error that nobody caught, told as a python tells it
        kind, error, frames = sys.exc_info()
        sys.excepthook(kind, error, frames and frames.tb_next)  # type: ignore[arg-type]
        return finished(1)


def finished(status: int) -> int:
    """What a python does at its end."""
    threading._shutdown()  # type: ignore[attr-defined]  # wait for threads that are no daemons
    atexit._run_exitfuncs()
    return status


if __name__ == "__main__":
    main(sys.argv[1])
    os._exit(0)
