"""What a cluster is: models, loading, checks."""
