"""The main job on real input, from nothing to a table.

Belongs here: a sample database, the steps of the demonstration and what it says. Does not:
anything that the product needs; no other package knows this one.
"""
