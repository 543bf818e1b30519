"""The types of `examples/typescript`: made from the document of a server that runs, and checked in.

    python -m tests.fakes.typescript

writes them anew (`make types`); a test holds them against the server of now.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.command import Running
from tests.fakes.node import external_folder, run_script

FOLDER = Path(__file__).parents[2] / "examples" / "typescript"
TYPES = FOLDER / "schema.d.ts"
HEAD = "// Generated from /openapi.json by `make types`. Do not edit.\n\n"


def types_of(document: dict[str, Any], folder: Path) -> str:
    """Return the TypeScript of what a document says of `/api/v1`; `folder` is for files on the way."""
    paths = {path: each for path, each in document["paths"].items() if path.startswith("/api/v1/")}
    file = folder / "openapi.json"
    file.write_text(json.dumps(document | {"paths": paths}), encoding="utf-8")
    return HEAD + str(run_script("types.mjs", {"document": str(file)})["types"])


def compile_examples(folder: Path | None = None) -> str:
    """Run the TypeScript compiler over the examples; return what it says against them.

    With `folder` it writes the JavaScript there, else it writes nothing.
    """
    where = ["--outDir", str(folder)] if folder else ["--noEmit"]
    tsc = external_folder() / "node_modules" / "typescript" / "bin" / "tsc"
    command = ["node", str(tsc), "--project", str(FOLDER / "tsconfig.json"), *where]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False).stdout


def main() -> None:
    """Write the types."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["serve", "--port", "0", "--store", "memory:"]
        with Running(arguments, Path(folder), log=Path(folder) / "log") as running:
            document = httpx.get(f"{running.root}/openapi.json", timeout=30).json()
        TYPES.write_text(types_of(document, Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
