"""The faults of a server, as a test sets them while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from mockserver.server.session_book import SessionBook
from mockserver.server.sessions import AnyFault, ArmedFault, FaultSet

T = TypeVar("T")


class Faulted:
    """What has faults, and sessions that run."""

    _faults: FaultSet
    _book: SessionBook

    def call(self, action: Callable[[], T]) -> T:
        """Run something in the server's loop."""
        raise NotImplementedError

    @property
    def faults(self) -> Mapping[int, ArmedFault]:
        """The faults that are set, by id."""
        return self._faults.armed

    def fault_specs(self, *, fired: bool = False) -> tuple[str, ...]:
        """The faults that are or were set, in words; only those that struck (``fired``)."""
        return self._faults.specs(fired=fired)

    def add_fault(self, fault: AnyFault | str, *, number: int | None = None) -> int:
        """Set a fault for running and later sessions; returns its id, ``number`` where that is given."""
        return self.call(lambda: self._faults.add(fault, self._book.running, number=number))

    def change_fault(self, number: int, fault: AnyFault | str) -> None:
        """Another fault in the place of this one, at once. What the old one holds back goes on; it still counts."""
        self.call(lambda: self._faults.change(number, fault, self._book.running))

    def remove_fault(self, number: int) -> None:
        """Take a fault away; what it holds back goes on. It still counts if it never fired."""
        self.call(lambda: self._faults.remove(number, self._book.running))
