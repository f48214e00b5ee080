"""Makes the table of docs/faults.md from the list of faults: python -m tests.faults.page"""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

from mockserver.faults import catalogue, listing
from mockserver.faults.listing import GROUPS, FaultEntry

BEGIN, END = "<!-- made by tests/faults/page.py -->\n", "<!-- end -->\n"
CLAUSES_BEGIN, CLAUSES_END = "<!-- clauses -->\n", "<!-- end of clauses -->\n"


def table(entries: list[FaultEntry]) -> str:
    """The list as Markdown."""
    parts = []
    for group, members in groupby(entries, key=lambda entry: entry.group):
        parts.append(f"### {group.capitalize()}\n")
        for entry in members:
            python = ", ".join(f"`faults.{text}`" for text in entry.constructors)
            parts.append(f"**`{entry.syntax}`** · {python}<br>\n{entry.about}\n\n```text\n{entry.example}\n```\n")
    return "\n".join(parts)


def clauses() -> str:
    """The clauses as Markdown."""
    rows = [f"| `{said}` | {means} |" for said, means in listing.clauses()]
    return "\n".join(["| clause | means |", "| --- | --- |", *rows]) + "\n"


def specs(text: str) -> list[str]:
    """Every spec that the page shows in a block of its own."""
    blocks = re.findall(r"^```text\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def write_files(source: Path, folder: Path) -> None:
    """The named Python files of a page."""
    named = r"^```python\n# (\w+\.py)\n(.*?)^```$"
    for name, text in re.findall(named, source.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        (folder / name).write_text(text, encoding="utf-8")


def main() -> None:
    """Write the tables into the page."""
    path = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
    text = path.read_text(encoding="utf-8")
    made = table([entry for entry in catalogue() if entry.group in GROUPS])
    for begin, part, end in ((CLAUSES_BEGIN, clauses(), CLAUSES_END), (BEGIN, f"\n{made}\n", END)):
        head, _, rest = text.partition(begin)
        text = head + begin + part + end + rest.partition(end)[2]
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
