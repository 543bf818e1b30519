"""Packages as files: what is read, and what a hostile archive is refused for before it costs anything."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from fhir_server.packages.archive import open_package, read_archive
from profiles.packages.package import PackageError, PackageLimits
from tests.fakes.packages import entries, profile, tgz, value_set

SMALL = PackageLimits(entry_bytes=1 << 20, total_bytes=4 << 20, unsuspected=1 << 19)


def refusal(data: bytes, limits: PackageLimits = SMALL) -> str:
    with pytest.raises(PackageError) as caught:
        read_archive(io.BytesIO(data), len(data), limits)
    return str(caught.value)


def test_a_tgz_and_its_folder_are_the_same_package(tmp_path: Path) -> None:
    content = entries(profile(), value_set("a"))
    (tmp_path / "a.tgz").write_bytes(tgz(content))
    (tmp_path / "package").mkdir()
    for path, data in content:
        (tmp_path / path).write_bytes(data)
    packed = open_package(tmp_path / "a.tgz")
    assert open_package(tmp_path).digest == packed.digest
    assert open_package(tmp_path / "package").digest == packed.digest


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(kind: bytes) -> None:
    info = tarfile.TarInfo("package/link.json")
    info.type, info.linkname = kind, "/etc/passwd"
    assert "package/link.json is a link or a device" in refusal(tgz(entries(), info))


def test_a_link_in_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_bytes(entries()[0][1])
    (tmp_path / "link.json").symlink_to("/etc/passwd")
    with pytest.raises(PackageError, match=r"package/link\.json is a link"):
        open_package(tmp_path)


def test_a_bomb_is_cut_off_by_its_ratio_and_an_entry_by_its_size() -> None:
    zeros = ("package/other/zeros", bytes(900_000))
    assert "refused as a bomb" in refusal(tgz([*entries(), zeros, ("package/other/more", bytes(900_000))]))
    assert "package/other/zeros is larger" in refusal(tgz([*entries(), ("package/other/zeros", bytes(2 << 20))]))


def test_a_header_that_asks_for_too_much_at_once_is_refused() -> None:
    header = tarfile.TarInfo("package/pax")
    header.type, header.size = tarfile.XHDTYPE, 1 << 40
    block = header.tobuf(tarfile.GNU_FORMAT)
    assert "asks for more than" in refusal(gzip.compress(block + bytes(10240)))


@pytest.mark.parametrize("data", [b"", b"no gzip at all", gzip.compress(b"no tar at all" * 100), tgz(entries())[:-40]])
def test_what_is_no_tgz_is_refused(data: bytes) -> None:
    assert "package" in refusal(data)
