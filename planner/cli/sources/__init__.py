"""``evac import SOURCE``: one file a source."""
