"""Where documents rest.

Belongs here: index names, mappings, the connection's role and key, the one writer and the
one reader. Does not: where a record came from (extraction), what it means (activities).

Decided: one index per connection and stream, because a tenant's data is never in one index
with another's and because deleting an index frees its bytes at once.
"""
