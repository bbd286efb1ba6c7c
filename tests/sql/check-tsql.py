"""Parses every statement of the SQL Server adapter as T-SQL: `python tests/sql/check-tsql.py` (pip install sqlfluff).

It finds what a compiler would: a misspelt keyword, a missing END. It knows neither tables nor types.
"""

import json
import subprocess
import sys
from pathlib import Path

from sqlfluff.core import FluffConfig, Linter

STATEMENTS = Path(__file__).with_name("statements.ts")


def main() -> int:
    node = subprocess.run(["node", str(STATEMENTS)], check=True, capture_output=True, text=True)
    statements = json.loads(node.stdout)
    linter = Linter(config=FluffConfig(overrides={"dialect": "tsql", "large_file_skip_byte_limit": 0}))
    faults = 0
    for name, text in statements.items():
        for fault in linter.parse_string(text).violations:
            faults += 1
            line = text.splitlines()[fault.line_no - 1].strip() if fault.line_no else ""
            print(f"{name}: line {fault.line_no}: {fault.desc()}\n    {line}", file=sys.stderr)
    print(f"{len(statements)} statements, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
