"""The ledger's command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ledger import Ledger, LedgerError, read_entries, summary


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ledger", description="sums of a household")
    parser.add_argument("files", nargs="+", type=Path, help="CSV files with day;text;amount;category")
    commands = parser.add_mutually_exclusive_group()
    commands.add_argument("--months", action="store_true", help="one line per month")
    commands.add_argument("--month", metavar="YYYY-MM", help="one line per category of a month")
    return parser


def load(files: list[Path]) -> Ledger:
    ledger = Ledger()
    for path in files:
        ledger.extend(read_entries(path))
    return ledger


def print_month(ledger: Ledger, month: str) -> None:
    sums = ledger.by_category(month)
    width = max(map(len, sums), default=0)
    for name, amount in sorted(sums.items(), key=lambda item: item[1]):
        print(f"{name:<{width}}  {amount:>10.2f}")
    for name in ledger.over_budget(month):
        print(f"{name} is over its budget", file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    options = build_parser().parse_args(arguments)
    try:
        ledger = load(options.files)
    except (OSError, LedgerError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.month:
        print_month(ledger, options.month)
    else:
        print(summary(ledger))
    return 0


if __name__ == "__main__":
    sys.exit(main())
