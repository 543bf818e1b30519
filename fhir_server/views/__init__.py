"""The JSON views of `mappings` over the store: listed, shown and written with the rights of whoever asks."""
