"""The package that this software brings, as a package."""

from __future__ import annotations

from profiles.packages.telemed import NAME, is_own, telemed, telemed_digest


def test_it_is_a_whole_package_whose_digest_needs_no_reading() -> None:
    package = telemed()
    assert package.digest == telemed_digest()
    assert (package.manifest.name, package.examples, package.warnings) == (NAME, [], ())


def test_it_needs_nothing_but_r4_and_for_one_profile_fr_core() -> None:
    needs = {canonical: by for canonical, by in telemed().needs.items() if not canonical.startswith("http://hl7.org/")}
    assert {by.rpartition("/")[2] for by in needs.values()} == {"telemed-fr-encounter|0.1.0"}
    assert {canonical.rpartition("/")[2] for canonical in needs} == {"fr-core-encounter|2.2.0", "fr-core-patient|2.2.0"}


def test_it_is_known_by_its_name_in_any_version() -> None:
    assert is_own(f"{NAME}#9.9.9")
    assert not is_own(f"{NAME}.fr#0.1.0")
