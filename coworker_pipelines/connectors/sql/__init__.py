"""Databases that SQLAlchemy reads: their tables and views.

Belongs here: how a database is opened and asked, which of its tables are streams, what its
values become. Does not: what a particular application means by its tables.

Decided: one statement a read, ordered by cursor column and key, through a server-side cursor
in a read-only transaction: a page by statements of its own would sort a table without an
index once for each page. A read that was left goes on behind the last row by comparison.
"""
