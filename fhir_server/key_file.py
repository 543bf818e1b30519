"""Files with keys of the server's own: made when they are not there, for their owner alone, and never half."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


class KeyUnusable(Exception):
    """The key file cannot be read or made, or holds something else; the text says which."""


def key_file(path: Path, make: Callable[[], bytes], what: str) -> bytes:
    """Return what is in `path`, which `make` fills when it is not there; errors call it `what`. Raises KeyUnusable."""
    try:
        if not path.exists():
            # Of two processes that start at once, one makes it, whole, and both read that.
            with _beside(path, make()) as made:
                _put(made, path)
        return path.read_bytes()
    except OSError as error:
        raise KeyUnusable(f"The {what} {path} cannot be used: {error.strerror}.") from None


def replace_key_file(path: Path, content: bytes, what: str) -> None:
    """Put `content` in the place of `path`; whoever reads it finds the one or the other. Raises KeyUnusable."""
    try:
        with _beside(path, content) as made:
            made.replace(path)
    except OSError as error:
        raise KeyUnusable(f"The {what} {path} cannot be written: {error.strerror}.") from None


def _put(made: Path, path: Path) -> None:
    try:
        os.link(made, path)
    except FileExistsError:
        return
    except OSError:
        # A file system without links.
        made.rename(path)


@contextmanager
def _beside(path: Path, content: bytes) -> Iterator[Path]:
    """Yield a file beside `path` with that content, on disk, for its owner alone; gone at the end unless moved."""
    made = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield made
    finally:
        made.unlink(missing_ok=True)
