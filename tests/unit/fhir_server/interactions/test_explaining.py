"""`_explain=true`: the plan of a search as a Parameters resource (http://hl7.org/fhir/R4/parameters.html)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fhir_server.errors import Forbidden
from fhir_server.interactions.call import ANONYMOUS, Call, Principal
from fhir_server.interactions.explaining import explaining
from fhir_server.search.query import Query, Target
from profiles.restriction import ALL, Restriction
from profiles.validation.validator import Validator
from tests.fakes.rights import limited_to

pytestmark = pytest.mark.anyio

QUERY = Query((Target("Patient"),))


class Reader:
    """Explains everything in the same words."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.plan = plan

    async def explain(self, query: Query, *, restriction: Restriction) -> Mapping[str, Any]:
        assert query is QUERY
        assert restriction is ALL
        return self.plan


async def explain(plan: Mapping[str, Any], principal: Principal = ANONYMOUS) -> dict[str, Any]:
    services = SimpleNamespace(store=Reader(plan))
    return await explaining(Call(cast(Any, services), principal, "r"), QUERY)


async def test_each_fact_is_a_parameter_and_what_is_nested_is_its_parts() -> None:
    plan = {"drives": "idx_token", "sorted": False, "rows": 3, "checked": [{"form": "date", "ms": 1.5}, "label"]}
    found = await explain(plan | {"nothing": None, "many": 2**31})
    assert found == {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "drives", "valueString": "idx_token"},
            {"name": "sorted", "valueBoolean": False},
            {"name": "rows", "valueInteger": 3},
            {
                "name": "checked",
                "part": [{"name": "form", "valueString": "date"}, {"name": "ms", "valueDecimal": Decimal("1.5")}],
            },
            {"name": "checked", "valueString": "label"},
            {"name": "many", "valueDecimal": Decimal(2147483648)},
        ],
    }
    assert [issue for issue in Validator().validate(found) if issue.is_error] == []


async def test_who_may_not_see_plans_is_refused() -> None:
    with pytest.raises(Forbidden, match="_explain"):
        await explain({"rows": 1}, Principal("ann", limited_to(ALL)))
