"""The tables between the codes of views and those of FHIR, from the ConceptMaps of `profiles.data.telemed`."""
