"""Whether a deployment stands as it should: it connects, and may do what it must and no more.

Belongs here: one module of checks for each thing that can be wrong. Does not: putting it right.
"""
