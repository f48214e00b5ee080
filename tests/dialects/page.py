"""Makes the table of docs/providers.md from the dialects that are registered: python -m tests.dialects.page"""

from __future__ import annotations

from pathlib import Path

from mockserver.dialects.base import Dialect
from mockserver.dialects.registry import DIALECTS

DOCS = Path(__file__).resolve().parents[2] / "docs"
BEGIN, END = "<!-- made by tests/dialects/page.py -->\n", "<!-- end -->\n"
HEAD = "| name | provider | simulated | socket path | variables that `env()` sets |\n| --- | --- | --- | --- | --- |\n"


def table() -> str:
    """The table as Markdown, a row a dialect."""
    return HEAD + "".join(f"{row(dialect)}\n" for dialect in DIALECTS.values())


def row(dialect: Dialect) -> str:
    """One dialect."""
    names = ", ".join(f"`{name}`" for name in dialect.env_vars)
    simulated = "yes" if dialect.simulator else ""
    return f"| `{dialect.name}` | {dialect.title} | {simulated} | `{dialect.socket_path}` | {names} |"


def facts(dialect: Dialect) -> Path | None:
    """The page of facts: its own, or that of the provider whose name begins its own."""
    name = dialect.name
    while name:
        page = DOCS / "providers" / f"{name}.md"
        if page.exists():
            return page
        name = name.rpartition("_")[0]
    return None


def main() -> None:
    """Write the table into the page."""
    path = DOCS / "providers.md"
    head, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    path.write_text(head + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main()
