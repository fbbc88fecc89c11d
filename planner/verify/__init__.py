"""Replays a plan against its inventory, from the contract alone."""
