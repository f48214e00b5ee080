"""The shape of the package, as figures: ``python -m tests.structure``.

Rooms and rows are told. The rest is counted, and the check fails where there is any: circles of imports (imports for
types included), modules over 400 lines, classes with more than 20 fields of state, imports that break the layers,
citations that lead nowhere, class names with two meanings, and what only a dialect or a provider's simulator may know
(a provider's name, the name of an event) standing in a string anywhere else. Doc strings and comments may name a
provider: they say why.

Ruff's banned-api says the same of single imports (pyproject.toml). What it cannot see is here: direction, circles, the
builtin ``open``, dependencies of the core, and a part of the package that has no row.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from pathlib import Path

from tests import citations

TOP = Path(__file__).resolve().parents[1]
PACKAGE = "mockserver"
LIMIT = 400
STATE = 20
"""So many fields of state may one class have: more are too many for one head, and some of them change together, which
makes them a part of their own."""

ROWS = (
    {"errors", "version"},
    {"core", "speech"},
    {"dialects", "assertions", "bounded_yaml"},
    {"cassette"},
    {"engines", "faults", "view"},
    {"server", "replies", "providers"},
    {"load", "sweeping"},
    {"cli", "pytest_plugin"},
    {"__init__", "__main__"},
)
ROW = {area: row for row, areas in enumerate(ROWS) for area in areas}
STANDARD_LIBRARY_ONLY = {"errors", "version", "core", "speech"}
# Two areas of one row that must stay strangers: any fault goes with any engine.
STRANGERS = {
    (one, other) for one in ("engines", "faults", "view") for other in ("engines", "faults", "view") if one != other
}

PURE = {
    "errors",
    "version",
    "core",
    "speech",
    "assertions",
    "bounded_yaml",
    "dialects",
    "cassette",
    "engines",
    "faults",
    "view",
}
MAY_TOUCH_FILES = (
    "mockserver/cassette/store.py",
    "mockserver/cassette/files/",
    "mockserver/view/files.py",
)
"""The only modules and rooms of the pure rows that touch files. docs/architecture.md names each."""
RUN = {
    "mockserver/sweeping/driver.py": set(),
    "mockserver/sweeping/files.py": {"pathlib"},
    "mockserver/sweeping/progress.py": {"time"},
    "mockserver/sweeping/running.py": {"asyncio", "os", "pathlib", "signal", "threading", "time"},
    "mockserver/sweeping/watching.py": {"asyncio"},
    "mockserver/sweeping/workers.py": {"multiprocessing", "os", "signal", "time"},
    "mockserver/load/socket.py": {"aiohttp", "asyncio"},
    "mockserver/load/__init__.py": set(),
    "mockserver/load/user.py": {"pathlib", "secrets", "time", "urllib.request"},
}
"""Of the areas that think and run, the modules that run, and what of the outside world each may use. The others of
these areas are pure, and import none of these and no server."""
THINK_AND_RUN = {Path(one).parts[1] for one in RUN}
CALENDAR = "mockserver/cassette/importers/"
"""Foreign formats carry calendar dates, which are read there."""
IMPURE = {
    *("aiohttp", "asyncio", "concurrent", "http", "select", "selectors", "socket", "ssl", "urllib.request"),
    *("multiprocessing", "os", "signal", "subprocess", "threading"),
    *("datetime", "time", "secrets", "uuid"),
    *("pathlib", "shutil", "tempfile"),
}

KNOWS_PROVIDERS = re.compile(r"mockserver/(dialects/|engines/simulator/([a-z_]+/|providers\.py))")
"""The rooms in which a provider's words are at home, and the list of them. ``replies`` and ``voice`` are shared by all:
see ``NEUTRAL``."""
NEUTRAL = re.compile(r"mockserver/engines/simulator/(replies|voice)/")


@dataclass(frozen=True)
class Module:
    """One module: its path relative to the checkout, its dotted name, its text and tree."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())


@cache
def parsed(source: str) -> ast.Module:
    """A module's tree. Each is read once, though every check looks at it."""
    return ast.parse(source)


@cache
def nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    """All of a tree."""
    return tuple(ast.walk(tree))


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package."""
    found = []
    for path in sorted((TOP / PACKAGE).rglob("*.py")):
        relative = path.relative_to(TOP)
        parts = relative.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        found.append(Module(relative, name, text, parsed(text)))
    return tuple(found)


# --- layers ---------------------------------------------------------------------------------------------------------


def imports(tree: ast.Module, module: Path) -> Iterator[tuple[int, str]]:
    """Each import as (line, full dotted name), relative ones resolved. ``from a import b`` is ``a.b``."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.parts[: -node.level] if node.level else ()
            base = ".".join([*package, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def area_of(name: str) -> str:
    """Which part of the package ``mockserver.x.y`` belongs to; a name of the package itself is in the top row."""
    part = name.split(".")[1] if "." in name else "__init__"
    return part if part in ROW else "__init__"


def complaints(source: str, module: Path) -> list[str]:
    """What breaks the layers in one module, as ``line: what``. ``module`` is relative to the checkout."""
    area = module.parts[1].removesuffix(".py")
    if area not in ROW:
        return [f"1: {area} has no row in the layers; put it in one of them, or give it a row"]
    tree = parsed(source)
    path = module.as_posix()
    thinks = area in THINK_AND_RUN and path not in RUN
    pure = thinks or (area in PURE and not path.startswith(MAY_TOUCH_FILES))
    banned = IMPURE - {"datetime"} if path.startswith(CALENDAR) else IMPURE - RUN.get(path, set())
    found = []
    for line, name in imports(tree, module):
        head = name.split(".")[0]
        if head == PACKAGE:
            target = area_of(name)
            if ROW[target] > ROW[area]:
                found.append(f"{line}: imports upwards, {area} -> {target}")
            if thinks and (target == "server" or runs(name)):
                found.append(f"{line}: {path} is pure, but imports what runs ({name})")
            if (area, target) in STRANGERS:
                found.append(f"{line}: {area} imports {target}, its neighbour")
        elif (pure or path in RUN) and any(f"{name}.".startswith(f"{one}.") for one in banned):
            kind = "a pure module" if pure else f"{path}, which does not need it,"
            found.append(f"{line}: {kind} imports {head}")
        elif pure and head == "random" and name not in ("random", "random.Random"):
            found.append(f"{line}: a pure module draws from the shared generator ({name})")
        elif area in STANDARD_LIBRARY_ONLY and head not in sys.stdlib_module_names:
            found.append(f"{line}: {area} stands on the standard library alone, but imports {head}")
    for node in nodes(tree) if pure else ():
        match node:
            case ast.Call(func=ast.Name(id="open" | "input" | "print" as name)):
                found.append(f"{node.lineno}: a pure module calls {name}()")
            case ast.Attribute(value=ast.Name(id="random"), attr=name) if name != "Random":
                found.append(f"{node.lineno}: a pure module draws from the shared generator (random.{name})")
    return found


def runs(name: str) -> bool:
    """Whether a dotted name is a module that runs, or something in it."""
    return any(f"{name}.".startswith(f"{one.removesuffix('.py').replace('/', '.')}.") for one in RUN)


def layers() -> list[str]:
    """Imports and calls that a module's row does not allow."""
    return [f"{one.path}:{said}" for one in modules() for said in complaints(one.text, one.path)]


def long_modules() -> list[str]:
    """Modules over the limit."""
    return [f"{one.path}: {one.lines} lines" for one in modules() if one.lines > LIMIT]


# --- circles --------------------------------------------------------------------------------------------------------


def arrows(all_modules: tuple[Module, ...]) -> dict[str, set[str]]:
    """Which module imports which, by dotted names. A name that is no module stands for the module it is in.

    A module's full name in a string counts as an import: that is how modules are imported when first used.
    """
    names = {one.name for one in all_modules}
    graph: dict[str, set[str]] = {name: set() for name in names}
    for one in all_modules:
        lazily = [text for _, text in strings(one.tree) if text in names and text != PACKAGE]
        for imported in (*(name for _, name in imports(one.tree, one.path)), *lazily):
            target = imported
            while target and target not in names:
                target = target.rpartition(".")[0]
            if target and target != one.name:
                graph[one.name].add(target)
    return graph


def rings(graph: dict[str, set[str]]) -> list[list[str]]:
    """The sets of two or more modules in which each reaches each (Tarjan, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []
    for root in sorted(graph):
        if root in index:
            continue
        work = [(root, iter(sorted(graph[root])))]
        index[root] = low[root] = len(index)
        stack.append(root)
        while work:
            node, rest = work[-1]
            after = next(rest, None)
            if after is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    cut = stack.index(node)
                    ring, stack[cut:] = stack[cut:], []
                    if len(ring) > 1:
                        found.append(sorted(ring))
            elif after not in index:
                index[after] = low[after] = len(index)
                stack.append(after)
                work.append((after, iter(sorted(graph[after]))))
            elif after in stack:
                low[node] = min(low[node], index[after])
    return found


def circles() -> list[str]:
    """Circles of imports: imports for types, inside functions and by a name in a string included."""
    return [" <-> ".join(name.removeprefix(f"{PACKAGE}.") for name in ring) for ring in rings(arrows(modules()))]


# --- state ----------------------------------------------------------------------------------------------------------

MANY_FIELDS: dict[str, str] = {}
"""Classes that may have more fields of state than that, each with the reason."""


def _frozen(node: ast.ClassDef) -> bool:
    """Whether a class is a frozen dataclass, or a tuple or dictionary with names: a value has no state."""
    bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
    frozen = any("frozen=True" in ast.unparse(one) for one in node.decorator_list)
    return frozen or bool(bases & {"NamedTuple", "TypedDict"})


def state_of(node: ast.ClassDef) -> set[str]:
    """The fields that a class gives its objects: those of a dataclass, and what its own methods set on ``self``.

    What only stands in the class's body is the same for all its objects: a fact, and no state.
    """
    if _frozen(node):
        return set()
    named = {ast.unparse(one).split("(")[0] for one in node.decorator_list}
    found: set[str] = set()
    if "dataclass" in named:
        told = (one for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name))
        found = {ast.unparse(one.target) for one in told if "ClassVar" not in ast.unparse(one.annotation)}
    for one in nodes_of(node):
        match one:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                found.add(name)
    return found


def nodes_of(node: ast.ClassDef) -> Iterator[ast.AST]:
    """All of a class but the classes inside it."""
    work: list[ast.AST] = list(node.body)
    while work:
        one = work.pop()
        if not isinstance(one, ast.ClassDef):
            yield one
            work += ast.iter_child_nodes(one)


@cache
def classes() -> dict[str, tuple[Module, ast.ClassDef]]:
    """Every class of the package by its name, which means one thing (``two_meanings``)."""
    return {node.name: (one, node) for one in modules() for node in nodes(one.tree) if isinstance(node, ast.ClassDef)}


def all_state(node: ast.ClassDef) -> set[str]:
    """The fields that the objects of a class carry, those of the classes that it derives from among them."""
    found = state_of(node)
    for base in node.bases:
        name = ast.unparse(base).split("[")[0].split(".")[-1]
        if name in classes():
            found |= all_state(classes()[name][1])
    return found


def many_fields() -> list[str]:
    """Classes with more fields of state than one head can hold."""
    return [
        f"{one.path}:{node.lineno}: {name} has {count}"
        for name, (one, node) in classes().items()
        if (count := len(all_state(node))) > STATE and name not in MANY_FIELDS
    ]


# --- names ----------------------------------------------------------------------------------------------------------


def two_meanings() -> list[str]:
    """Class names that stand in two modules."""
    homes: dict[str, list[str]] = defaultdict(list)
    for one in modules():
        for node in one.tree.body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(one.path.as_posix().removeprefix(f"{PACKAGE}/"))
    return [f"{name}: {', '.join(places)}" for name, places in sorted(homes.items()) if len(places) > 1]


@cache
def strings(tree: ast.Module) -> tuple[tuple[int, str], ...]:
    """Every string of a module but its doc strings (texts that stand as statements of their own)."""
    told = {id(node.value) for node in nodes(tree) if isinstance(node, ast.Expr)}
    return tuple(
        (node.lineno, node.value)
        for node in nodes(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told
    )


def outside() -> Iterator[Module]:
    """The modules in which no provider is known."""
    for one in modules():
        path = one.path.as_posix()
        if NEUTRAL.match(path) or not KNOWS_PROVIDERS.match(path):
            yield one


@cache
def provider_words() -> re.Pattern[str]:
    """The providers' names as they are registered, and the words that they are made of."""
    registry = import_module(f"{PACKAGE}.dialects.registry")
    names = {name for name in registry.DIALECTS if name != "generic"}
    words = names | {part for name in names for part in re.split(r"[-_]", name) if len(part) > 3}
    words -= {"live", "beta", "voice", "dated"}
    either = "|".join(sorted(map(re.escape, words), key=len, reverse=True))
    return re.compile(rf"(?<![a-z])(?:{either})(?![a-z])", re.IGNORECASE)


def provider_names() -> list[str]:
    """Providers named in a string, or a provider's module imported, outside the providers' rooms."""
    words, found = provider_words(), []
    for one in outside():
        for line, text in strings(one.tree):
            if hit := words.search(text):
                found.append(f"{one.path}:{line}: {hit[0]}")
        for line, name in imports(one.tree, one.path):
            inside = name.removeprefix(f"{PACKAGE}.")
            if inside.startswith("dialects.") and (hit := words.search(inside)):
                found.append(f"{one.path}:{line}: imports {inside}")
    return found


WORD = re.compile(r"[\w*]+(?:\.[\w*]+)+")


@cache
def known_events() -> frozenset[str]:
    """Every event of every provider that has a dot in its name: those without are words like any other."""
    registry = import_module(f"{PACKAGE}.dialects.registry")
    return frozenset(name for dialect in registry.DIALECTS.values() for name in dialect.names() if "." in name)


def event_in(text: str) -> str | None:
    """An event's name in a text, or a pattern that fits one."""
    for word in WORD.findall(text):
        if word in known_events() or ("*" in word and any(fnmatchcase(name, word) for name in known_events())):
            return word
    return None


def event_names() -> list[str]:
    """Names of a provider's events in a string outside the providers' rooms."""
    found = []
    for one in outside():
        for line, text in strings(one.tree):
            if hit := event_in(text):
                found.append(f"{one.path}:{line}: {hit}")
    return found


CHECKS: dict[str, Callable[[], list[str]]] = {
    "imports that break the layers": layers,
    "circles of imports": circles,
    f"modules over {LIMIT} lines": long_modules,
    f"classes with more than {STATE} fields of state": many_fields,
    "citations without a target": citations.problems,
    "class names with two meanings": two_meanings,
    "provider names outside their rooms": provider_names,
    "event names outside their rooms": event_names,
}


def main() -> int:
    """Print the figures; 1 where one is not 0. ``-v`` prints each place."""
    rooms = {one.path.parent for one in modules()}
    print(f"{len(modules())} modules in {len(rooms)} rooms on {len(ROWS)} rows:")
    for row in reversed(ROWS):
        print("   ", " ".join(sorted(row)))
    worse = False
    for heading, look in CHECKS.items():
        found = look()
        print(f"{'FAIL' if found else 'ok':5}{len(found):5}  {heading}")
        worse = worse or bool(found)
        if len(found) < 40 or "-v" in sys.argv:
            print("".join(f"             {place}\n" for place in found), end="")
    return int(worse)


if __name__ == "__main__":
    sys.exit(main())
