"""How far predictions are off on migrations that others measured; ``python -m tests.accuracy DATA_DIR``."""
