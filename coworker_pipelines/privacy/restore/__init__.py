"""What was deleted stays deleted when a backup is restored.

Belongs here: the journal of every order, kept apart from database and Elasticsearch; the markers
by which a restored copy shows; carrying out again what it does not know. Does not: how data is
removed (the executors of deletions and erasures, behind ``Replayer``).

Decided: an entry is written with the order, in the same transaction, and published before the
first byte is removed. So the database can be behind the journal for one reason only: it was put
back to an earlier state.
"""
