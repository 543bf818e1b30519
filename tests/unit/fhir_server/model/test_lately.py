"""What was made lately."""

from __future__ import annotations

from fhir_server.model.lately import Lately


def test_what_is_kept_is_not_made_again_and_the_oldest_gives_way() -> None:
    made: list[int] = []

    def ask(kept: Lately, key: int) -> int:
        def make() -> int:
            made.append(key)
            return key

        found: int = kept.get(key, make)
        return found

    kept = Lately(2)
    assert [ask(kept, key) for key in (1, 2, 1, 3, 1, 2)] == [1, 2, 1, 3, 1, 2]
    # 3 came when 2 was the one that nobody had asked for the longest.
    assert made == [1, 2, 3, 2]


def test_something_empty_is_kept_as_well() -> None:
    kept = Lately(2)
    first: list[int] = []
    assert kept.get("a", lambda: first) is first
    assert kept.get("a", list) is first
