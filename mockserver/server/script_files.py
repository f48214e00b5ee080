"""Scripts in Python files of the user's: the file is run, and the script in it is what a name of it stands for."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from mockserver.errors import UsageError

if TYPE_CHECKING:
    from mockserver.engines.script.source import Script

DEFAULT_NAME = "script"


def split_name(text: str) -> tuple[Path, str]:
    """The file and the name in it. A drive letter's colon stands before the file's name, so the last one counts."""
    before, colon, name = text.rpartition(":")
    if colon and (name.isidentifier() or not name) and before.endswith(".py"):
        return Path(before), name or DEFAULT_NAME
    return Path(text), DEFAULT_NAME


def ran(path: Path) -> ModuleType:
    """The file as a module; what stands beside it can be imported, as with ``python FILE.py``."""
    if not path.is_file():
        why = "is no regular file" if path.exists() else "no such file"
        raise UsageError(f"{path}: {why}; expected a Python file with a script, as FILE.py or FILE.py:NAME")
    spec = importlib.util.spec_from_file_location("mockserver_user_script", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: expected a Python file, whose name ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look their module up
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's file may raise anything
        raise UsageError(f"{path}{_line(error, path)}: {type(error).__name__}: {error}") from None
    return module


def _line(error: BaseException, path: Path) -> str:
    """Where in the user's file an error arose, as far as that is known."""
    number = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            number = trace.tb_lineno
        trace = trace.tb_next
    return f", line {number}" if number else ""


def script_of(module: ModuleType, path: Path, name: str) -> Script:
    """The script of this name."""
    from mockserver.engines.script.source import Script

    found = getattr(module, name, None)
    if isinstance(found, Script):
        return found
    there = [key for key, value in vars(module).items() if isinstance(value, Script)]
    hint = f"; it has {', '.join(there)}: give {path}:{there[0]}" if there else ""
    if found is None:
        raise UsageError(f"{path}: no script named {name} in it{hint or '; make one with mockserver.script(...)'}")
    raise UsageError(f"{path}: {name} is {type(found).__name__}, expected what mockserver.script(...) returns{hint}")
