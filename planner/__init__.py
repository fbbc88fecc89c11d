"""Plans the evacuation of virtualisation hosts before a deadline at the least downtime."""

__version__ = "0.1.0"
