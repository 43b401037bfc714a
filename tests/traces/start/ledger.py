"""A household ledger: entries, categories, monthly sums."""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    day: dt.date
    text: str
    amount: Decimal
    category: str = "other"

    @property
    def month(self) -> str:
        return f"{self.day:%Y-%m}"


class LedgerError(Exception):
    """A line of a file that cannot be read."""

    def __init__(self, path: Path, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}")
        self.line = line


def parse_amount(text: str) -> Decimal:
    """Reads 1.234,50 as well as 1234.50."""
    cleaned = text.strip().replace("€", "").replace(" ", "")
    if "," in cleaned:
        cleaned = cleaned.replace(".", "").replace(",", ".")
    return Decimal(cleaned)


def read_entries(path: Path) -> Iterator[Entry]:
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file, delimiter=";"), start=2):
            try:
                day = dt.date.fromisoformat(row["day"])
                amount = parse_amount(row["amount"])
            except (KeyError, ValueError, ArithmeticError) as error:
                raise LedgerError(path, number, str(error)) from error
            yield Entry(day, row.get("text", ""), amount, row.get("category") or "other")


@dataclass
class Ledger:
    """Entries in the order of their days."""

    entries: list[Entry] = field(default_factory=list)
    budget: dict[str, Decimal] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.entries.sort(key=lambda entry: entry.day)

    def extend(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self.add(entry)

    def balance(self) -> Decimal:
        return sum((entry.amount for entry in self.entries), Decimal(0))

    def by_month(self) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for entry in self.entries:
            sums[entry.month] += entry.amount
        return dict(sums)

    def by_category(self, month: str | None = None) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for entry in self.entries:
            if month is None or entry.month == month:
                sums[entry.category] += entry.amount
        return dict(sums)

    def over_budget(self, month: str) -> list[str]:
        """Categories that cost more than planned."""
        spent = self.by_category(month)
        return sorted(name for name, limit in self.budget.items() if -spent.get(name, Decimal(0)) > limit)


def summary(ledger: Ledger) -> str:
    lines = [f"{month}  {amount:>10.2f}" for month, amount in sorted(ledger.by_month().items())]
    lines.append(f"balance  {ledger.balance():>10.2f}")
    return "\n".join(lines)
