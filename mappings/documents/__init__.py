"""FHIR documents: Bundles that hold a Composition and all it speaks of."""
