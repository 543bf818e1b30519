"""A write that another one came before is tried again, unless the client has said what it depends on."""

from __future__ import annotations

import pytest

from fhir_server.errors import NotFound, PreconditionFailed
from fhir_server.views.anew import TIMES, anew


class Attempts:
    def __init__(self, refused: int, error: Exception | None = None) -> None:
        self.made, self.refused, self.error = 0, refused, error or PreconditionFailed("It was changed.")

    async def __call__(self) -> str:
        self.made += 1
        if self.made <= self.refused:
            raise self.error
        return "written"


@pytest.mark.parametrize("refused", [0, 1, TIMES - 1])
async def test_it_is_tried_until_it_is_written(refused: int) -> None:
    attempts = Attempts(refused)
    assert await anew(attempts, None) == "written"
    assert attempts.made == refused + 1


async def test_it_is_not_tried_for_ever() -> None:
    attempts = Attempts(TIMES)
    with pytest.raises(PreconditionFailed):
        await anew(attempts, None)
    assert attempts.made == TIMES


@pytest.mark.parametrize(("if_match", "error"), [("*", None), ('W/"1"', None), (None, NotFound("There is none."))])
async def test_what_the_client_depends_on_and_other_refusals_are_told_at_once(
    if_match: str | None, error: Exception | None
) -> None:
    attempts = Attempts(1, error)
    with pytest.raises((PreconditionFailed, NotFound)):
        await anew(attempts, if_match)
    assert attempts.made == 1
