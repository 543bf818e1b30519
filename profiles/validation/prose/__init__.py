"""What R4 demands in prose rather than by an invariant: of data types, and of definitions as resources."""
