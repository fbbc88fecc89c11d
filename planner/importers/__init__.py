"""Inventories from where they live: one file a source, all with the same report at the end."""
