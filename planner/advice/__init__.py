"""What needs plans to answer: why not in the fewest words, what would help, how sure, when."""
