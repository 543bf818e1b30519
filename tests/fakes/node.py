"""Node, the packages of `tests/external`, a browser and servers, for tests with software that others wrote.

What is missing is installed: the packages by `npm ci` into `build/external`, programs by apt-get where this is root.
What cannot be had fails a test with one line that says so.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[1] / "external"
FOLDER = SOURCE.parents[1] / "build" / "external"
PAGE = SOURCE.parents[1] / "fhir_server" / "demo" / "page"
APT = ("apt-get", "install", "--yes", "--no-install-recommends")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def external_folder() -> Path:
    """Return the folder with the scripts and the packages they import, installed once for all workers."""
    if shutil.which("npm") is None:
        pytest.fail("the clients in JavaScript need Node 20 with npm, and there is none", pytrace=False)
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for each in SOURCE.iterdir():
            shutil.copy(each, FOLDER / each.name)
        done = FOLDER / "installed"
        if not done.exists() or done.read_text() != wanted:
            _run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", why="npm ci failed in tests/external")
            done.write_text(wanted)
    return FOLDER


def consultation_page() -> None:
    """Build the page of `examples/consultation` for the demo, as `make page` does, unless that is done."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    source = SOURCE.parents[1] / "examples" / "consultation"
    files = (each for each in sorted(source.rglob("*")) if each.is_file() and "node_modules" not in each.parts)
    wanted = hashlib.sha256(b"".join(each.read_bytes() for each in files)).hexdigest()
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = FOLDER / "page"
        if not (PAGE / "index.html").exists() or not done.exists() or done.read_text() != wanted:
            install = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
            _run(*install, why="npm ci failed in examples/consultation", folder=source)
            _run("npm", "run", "build", why="the page was not built", folder=source)
            done.write_text(wanted)


def chromium() -> str:
    """Return the path of a browser, installed if need be."""
    return installed("chromium", *BROWSERS)


def installed(package: str, *names: str) -> str:
    """Return the path of the first program there is of those names; without one, of what a package of apt brings."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = _first(names)
        if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
            _run("apt-get", "update", why="apt-get update failed")
            _run(*APT, package, why=f"{package} could not be installed by apt-get")
            found = _first(names)
    if found is None:
        pytest.fail(f"this test needs {package}, and there is none to be installed", pytrace=False)
    return found


def run_script(name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Run a script of `tests/external` to its end; return the JSON it prints."""
    command = ["node", name, json.dumps(asked)]
    done = subprocess.run(command, cwd=external_folder(), capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _first(names: tuple[str, ...]) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


def _run(*command: str, why: str, folder: Path = FOLDER) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        pytest.fail(f"{why}: {done.stderr.strip().splitlines()[-1:]}", pytrace=False)
