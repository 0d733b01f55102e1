"""The sources: a folder for each kind, and the registry that finds them.

Belongs here: how one kind of source is asked, and what its records and facts look like.
Does not: when it is asked, and what becomes of a record (extraction). A connector knows
the SDK alone, and no other connector.
"""
