"""What this software brings, installed in a tenant: once, and again when a newer release brings it otherwise.

To look whether it is there costs one record and the hash of some files.
"""

from __future__ import annotations

from dataclasses import replace

from fhir_server.interactions.call import Services
from fhir_server.interactions.own_definitions import TABLE
from fhir_server.interactions.reserved import reserved
from profiles.packages.telemed import NAME, telemed, telemed_digest


async def bring(services: Services) -> Services:
    """Install the package of this software where the store has not got it as it is; return services that reserve it."""
    records = await services.store.records.find(TABLE.name, "name", NAME)
    if [record.value["digest"] for record in records] != [telemed_digest()]:
        # What installing needs is loaded by the start that installs.
        from fhir_server.packages.install import install

        await install(services, telemed())
    return replace(services, reserved=await reserved(services.store))
