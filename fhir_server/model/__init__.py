"""Plain values of the protocol: resources, references, Bundles, formats. Pure."""
