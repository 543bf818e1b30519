"""The dead-letter file: which lines were not taken, and why, by field and rule. What they say is not repeated."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from profiles.issues import Issue


class DeadLetters:
    """The file, written anew by each run, for its owner's eyes only; without a bad line there is none."""

    def __init__(self, path: Path) -> None:
        """Take the place of the file of an earlier run. Raises OSError."""
        self.path = path
        self.count = 0
        self._file: Any = None
        path.unlink(missing_ok=True)

    def add(self, file: str, line: int, former: Any, issues: Sequence[Issue]) -> None:
        """Tell of a line of a file. `former` is the id it has, if that can be said."""
        if self._file is None:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        reasons = [{"field": each.expression or "", "rule": each.message} for each in issues]
        told = {"file": file, "line": line, "id": former, "reasons": reasons}
        self._file.write(f"{json.dumps(told, ensure_ascii=False)}\n")
        self._file.flush()
        self.count += 1

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
