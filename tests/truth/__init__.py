"""What the truth is for small cases: random inventories and a brute force over all their plans."""
