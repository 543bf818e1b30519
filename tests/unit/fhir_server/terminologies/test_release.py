"""Releases on disk: read where they lie, refused where a stranger has made them dangerous."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from fhir_server.terminologies.read import kind_of
from fhir_server.terminologies.release import ReleaseError, open_release
from tests.fakes.releases import CLAML, LOINC, RF2, content, write, zipped


@pytest.mark.parametrize(("files", "kind"), [(LOINC, "loinc"), (RF2, "rf2"), (CLAML, "claml")])
def test_a_folder_and_a_zip_are_told_by_their_files(tmp_path: Path, files: dict[str, str], kind: str) -> None:
    assert kind_of(open_release(write(tmp_path / "folder", files))) == kind
    assert kind_of(open_release(zipped(tmp_path / "r.zip", files))) == kind


@pytest.mark.parametrize("name", ["../Loinc.csv", "/etc/Loinc.csv", "a\\..\\Loinc.csv", "C:Loinc.csv"])
def test_a_zip_that_leads_out_of_itself_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ReleaseError, match="leads out of the zip"):
        open_release(zipped(tmp_path / "r.zip", {"a.txt": "", name: ""}))


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    path = tmp_path / "r.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Loinc.csv", b"0" * (70 << 20))
    with pytest.raises(ReleaseError, match="refused as a bomb"):
        open_release(path)


def test_a_file_that_is_no_zip_a_link_and_an_unknown_release_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.zip"
    path.write_bytes(b"PK?")
    with pytest.raises(ReleaseError, match=r"r\.zip is no readable zip"):
        open_release(path)
    folder = write(tmp_path / "folder", {"notes.txt": ""})
    with pytest.raises(ReleaseError, match="folder is no terminology that is known here"):
        content(folder)
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(ReleaseError, match="link is a link"):
        open_release(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"LOINC_NUM","STATUS"\n', "the first line has no column LONG_COMMON_NAME"),
        ("", "the first line has no column LOINC_NUM, LONG_COMMON_NAME, STATUS"),
    ],
)
def test_a_table_without_its_columns_is_refused(tmp_path: Path, text: str, words: str) -> None:
    found = content(write(tmp_path / "Loinc_1.0", {"Loinc.csv": text}))
    with pytest.raises(ReleaseError, match=f"Loinc.csv: {words}"):
        list(found.items)


def test_text_in_another_encoding_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "Loinc_1.0", {"Loinc.csv": ""})
    (folder / "Loinc.csv").write_bytes('"LOINC_NUM","LONG_COMMON_NAME","STATUS"\n"90001-1","é","x"\n'.encode("latin-1"))
    with pytest.raises(ReleaseError, match=r"Loinc\.csv, after line 0: it is not in UTF-8"):
        list(content(folder).items)


def test_a_release_of_snomed_that_does_not_say_its_edition_is_refused(tmp_path: Path) -> None:
    files = {name.replace("_INT_", "_XX_"): text for name, text in RF2.items()}
    with pytest.raises(ReleaseError, match="say so with --version"):
        content(write(tmp_path / "folder", files))
    only = {name: text for name, text in RF2.items() if "Relationship" not in name}
    with pytest.raises(ReleaseError, match="lacks the Snapshot files"):
        content(write(tmp_path / "part", only))


def test_entities_of_a_classification_are_not_followed(tmp_path: Path) -> None:
    evil = CLAML["cim10.xml"].replace('SYSTEM "ClaML.dtd"', '[<!ENTITY x SYSTEM "file:///etc/passwd">]')
    evil = evil.replace("Rhume bleu", "&x;")
    found = [item.what for item in content(write(tmp_path / "folder", {"cim10.xml": evil})).items]
    assert "root:" not in str(found)
