"""A release of a terminology on disk: a file, a folder, or a zip, read where it lies and never unpacked.

Whatever is read is text that a stranger has made: names, sizes and links are looked at before anything is opened.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

MOST_FILES = 20_000
MOST_BYTES = 32 << 30
RATIO = 200
"""How many times larger than its zip a release may be, beyond `UNSUSPECTED` bytes."""
UNSUSPECTED = 64 << 20


class ReleaseError(Exception):
    """A release that cannot be read; the text says what is wrong with which file, and what to do."""


@dataclass(slots=True)
class Release:
    """The files of one release, by name. `done` counts the bytes that were read, for a progress bar."""

    path: Path
    sizes: dict[str, int]
    done: int = 0
    _zip: zipfile.ZipFile | None = None
    _root: Path | None = None
    _open: ExitStack = field(default_factory=ExitStack)

    def names(self, pattern: str) -> list[str]:
        """Return the files whose name, without folders, matches `pattern` from end to end, in order."""
        return sorted(name for name in self.sizes if re.fullmatch(pattern, PurePosixPath(name).name))

    def open(self, name: str) -> BinaryIO:
        """Return a file to read from its beginning."""
        if self._zip is not None:
            return cast(BinaryIO, self._zip.open(name))
        return (self._root or self.path).joinpath(name).open("rb") if self._root else self.path.open("rb")

    def rows(self, name: str, needed: Sequence[str], *, tabs: bool = False) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the rows of a table as (line, {column: value}), from its second line on.

        With `tabs` it is separated by them and nothing is quoted. Raises ReleaseError for what is no such table.
        """
        with self.open(name) as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            lines = _counted(self, text)
            table = csv.reader(lines, "excel-tab", quoting=csv.QUOTE_NONE) if tabs else csv.reader(lines)
            try:
                header = next(table, [])
                lacking = [each for each in needed if each not in header]
                if lacking:
                    raise ReleaseError(f"{name}: the first line has no column {', '.join(lacking)}: is it that table?")
                for row in table:
                    if len(row) != len(header):
                        yield table.line_num, {}
                    else:
                        yield table.line_num, dict(zip(header, row, strict=True))
            except UnicodeDecodeError:
                raise ReleaseError(f"{name}, after line {table.line_num}: it is not in UTF-8.") from None
            except csv.Error as error:
                raise ReleaseError(f"{name}, line {table.line_num}: it is no such table ({error}).") from None
            except (zipfile.BadZipFile, EOFError, OSError) as error:
                raise ReleaseError(f"{name}: it cannot be read ({type(error).__name__}): get it again.") from None

    def close(self) -> None:
        """Close what is open."""
        self._open.close()


def _counted(release: Release, lines: io.TextIOWrapper) -> Iterator[str]:
    for line in lines:
        release.done += len(line)
        yield line


def open_release(path: Path) -> Release:
    """Return the release at `path`. Raises ReleaseError, OSError."""
    if path.is_dir():
        return _of_folder(path)
    if path.suffix.lower() == ".zip":
        return _of_zip(path)
    return Release(path, {path.name: path.stat().st_size})


def _of_folder(path: Path) -> Release:
    sizes: dict[str, int] = {}
    for each in sorted(path.rglob("*")):
        name = each.relative_to(path).as_posix()
        if each.is_symlink():
            raise ReleaseError(f"{name} is a link: a release only has files and folders. Remove it.")
        if each.is_file():
            sizes[name] = each.stat().st_size
        if len(sizes) > MOST_FILES:
            raise ReleaseError(f"{path} has more than {MOST_FILES:,} files: name the folder of the release itself.")
    return Release(path, sizes, _root=path)


def _of_zip(path: Path) -> Release:
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise ReleaseError(f"{path.name} is no readable zip: get it again.") from None
    try:
        sizes = {each.filename: each.file_size for each in _checked(path, archive.infolist())}
    except BaseException:
        archive.close()
        raise
    release = Release(path, sizes, _zip=archive)
    release._open.callback(archive.close)
    return release


def _checked(path: Path, members: Sequence[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return the files of a zip. Raises ReleaseError for one that no publisher would make."""
    total = 0
    for each in members:
        name = each.filename
        if name.startswith("/") or "\\" in name or ":" in name or ".." in PurePosixPath(name).parts:
            raise ReleaseError(f"{path.name}: the entry {name[:200]!r} leads out of the zip: it is refused as a whole.")
        if each.flag_bits & 1:
            raise ReleaseError(f"{path.name}: the entry {name[:200]} is encrypted: unzip it first.")
        total += each.file_size
    if len(members) > MOST_FILES:
        raise ReleaseError(f"{path.name} has more than {MOST_FILES:,} entries: unzip what is wanted.")
    if total > min(MOST_BYTES, max(UNSUSPECTED, RATIO * path.stat().st_size)):
        raise ReleaseError(f"{path.name} unpacks to {total:,} bytes, more than its size can mean: refused as a bomb.")
    return [each for each in members if not each.is_dir()]
