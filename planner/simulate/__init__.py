"""A plan replayed with what a night really brings: drawn rates, failures, retries."""
