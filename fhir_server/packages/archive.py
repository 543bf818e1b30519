"""Packages as files: a .tgz, or a folder that holds what a .tgz would.

A tar is read as it streams, so that what it unpacks to never lies in memory or on disk; each read is bounded before it
happens, those of the tar's own headers too.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

from fhir_server.errors import ParseFailed
from fhir_server.model.fhir_json import parse
from profiles.packages.package import LIMITS, Package, PackageError, PackageLimits
from profiles.packages.read_package import read_package, safe_path

SLACK = 1024 * 1024
"""Bytes that one read may be larger than an entry: headers of the tar."""


def open_package(path: Path, limits: PackageLimits = LIMITS) -> Package:
    """Return the package in a .tgz or a folder. Raises PackageError, OSError when it cannot be opened."""
    if path.is_dir():
        return read_package(_of_folder(path, limits), limits=limits, parse=_parsed)
    with path.open("rb") as file:
        return read_archive(file, path.stat().st_size, limits)


def read_archive(file: BinaryIO, size: int, limits: PackageLimits = LIMITS) -> Package:
    """Return the package in a gzipped tar of `size` bytes, read from where `file` stands. Raises PackageError."""
    return read_package(_of_archive(file, size, limits), limits=limits, parse=_parsed)


def _of_archive(file: BinaryIO, size: int, limits: PackageLimits) -> Iterator[tuple[str, bytes]]:
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as unzipped:
            bounded = _Bounded(unzipped, size, limits)
            with tarfile.open(fileobj=cast(IO[bytes], bounded), mode="r:") as archive:
                for number, member in enumerate(archive):
                    # What it has seen stays in its list, which would grow with a tar of millions of empty entries.
                    archive.members = []  # type: ignore[attr-defined]
                    if number >= limits.entries:
                        raise PackageError(f"More than {limits.entries} entries in the package: split it.")
                    if (content := _content(archive, member, limits)) is not None:
                        yield member.name, content
    except (gzip.BadGzipFile, tarfile.TarError, EOFError, zlib.error, RecursionError, UnicodeError) as error:
        raise PackageError(f"The package is no readable .tgz ({type(error).__name__}): download it again.") from None
    except ValueError as error:
        if isinstance(error, PackageError):
            raise
        raise PackageError(
            "The package is no readable .tgz (a header of the tar is wrong): download it again."
        ) from None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, limits: PackageLimits) -> bytes | None:
    """Return what an entry holds, None for a folder. Raises PackageError for links, devices and what is too large."""
    name = safe_path(member.name)
    if member.isdir():
        return None
    if not member.isreg() or member.issparse():
        raise PackageError(f"The entry {name} is a link or a device: a package only has files and folders.")
    if member.size > limits.entry_bytes:
        raise PackageError(f"The entry {name} is larger than {limits.entry_bytes} bytes.")
    file = archive.extractfile(member)
    return b"" if file is None else file.read()


class _Bounded:
    """The unzipped bytes, for tarfile: never more at once than an entry may have, never more in all than a package."""

    def __init__(self, file: gzip.GzipFile, packed: int, limits: PackageLimits) -> None:
        self._file = file
        self._most = min(limits.total_bytes, max(limits.unsuspected, packed * limits.ratio))
        self._once = limits.entry_bytes + SLACK

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes."""
        if not 0 <= size <= self._once:
            raise PackageError(f"A header of the package's tar asks for more than {self._once} bytes at once.")
        data = self._file.read(size)
        self._check(self._file.tell())
        return data

    def seek(self, position: int) -> int:
        """Go forward to `position`."""
        self._check(position)
        return self._file.seek(position)

    def tell(self) -> int:
        """Return where it stands."""
        return self._file.tell()

    def _check(self, position: int) -> None:
        if position > self._most:
            raise PackageError(
                f"The package unpacks to more than {self._most} bytes, which is more than its size can mean: it is "
                "refused as a bomb."
            )


def _of_folder(folder: Path, limits: PackageLimits) -> Iterator[tuple[str, bytes]]:
    """Yield what a folder holds: one that has `package/` in it, or is it."""
    root = folder if (folder / "package" / "package.json").is_file() else folder.parent
    start = root / "package" if root == folder else folder
    for path in sorted(start.rglob("*")):
        name = "package/" + path.relative_to(start).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise PackageError(f"The entry {name} is a link or a device: a package only has files and folders.")
        if path.is_file():
            if path.stat().st_size > limits.entry_bytes:
                raise PackageError(f"The entry {name} is larger than {limits.entry_bytes} bytes.")
            yield name, path.read_bytes()


def _parsed(content: bytes) -> object:
    try:
        return parse(content)
    except ParseFailed as refusal:
        raise ValueError(str(refusal)) from None
