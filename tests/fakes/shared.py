"""Where the real data is that tests may read: `FHIR_TEST_DATA`, or the folder `shared/data` beside the checkout."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jiter
import pytest

SHARED_DATA = Path(os.environ.get("FHIR_TEST_DATA") or Path(__file__).parents[2].parent / "shared" / "data")

needs_shared_data = pytest.mark.skipif(not SHARED_DATA.is_dir(), reason=f"no test data at {SHARED_DATA}")


def parse(text: bytes) -> Any:
    """Parse JSON with decimals kept as written."""
    return jiter.from_json(text, float_mode="decimal", cache_mode="none")


def r4_examples() -> Iterator[dict[str, Any]]:
    """Yield the official R4 example resources."""
    with gzip.open(SHARED_DATA / "r4-examples" / "r4-examples-dev.ndjson.gz") as lines:
        for line in lines:
            yield parse(line)


def synthea_bundles(pattern: str = "*.json.gz") -> Iterator[dict[str, Any]]:
    """Yield the Synthea Bundles whose file name matches `pattern`, in name order."""
    for path in sorted((SHARED_DATA / "synthea-dev").glob(pattern)):
        yield parse(gzip.decompress(path.read_bytes()))
