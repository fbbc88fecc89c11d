"""What a plan is: models, reading, writing."""
