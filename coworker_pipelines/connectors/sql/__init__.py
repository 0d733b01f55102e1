"""Databases that SQLAlchemy reads: their tables and views.

Belongs here: how a database is opened and asked, which of its tables are streams, what its
values become. Does not: what a particular application means by its tables.

Decided: one statement a read, ordered by cursor column and key, through a server-side cursor
in a read-only transaction: statements of their own for the pages would sort a table without a
fitting index once for each page. A read that was left goes on behind its last row, by
comparison with that row's cursor value and key.

Which tables are streams: those whose rows can be told apart by a key, which is the primary
key, else a unique constraint over columns that are never NULL, else what the settings claim.
The rest is left out with the event ``table_left_out``. All columns together are no key: twin
rows would become one, and a NULL would end a read early.

What a cursor cannot see:
- A row that is committed after a read with an older cursor value than that read has reached
  (a long transaction, a clock that goes back, a sequence number drawn early) is not read
  until it is changed again. There is no overlap that is read twice. Where rows are written so,
  set the table to be read as a snapshot.
- A row that is deleted is noticed in a snapshot only.
- A row whose cursor value is NULL; only a cursor column that is never NULL is found without
  a setting.

What values become, without loss:

=============================  ===============================================================
integers, booleans, text       themselves; integers beyond 64 bits: text
float                          a number; ``nan``, ``inf`` and ``-inf``: text
decimal, money, enum, others   text
bytes, MySQL's bit, geometry   text, base64
timestamp with a zone          an aware datetime in UTC; so is MySQL's TIMESTAMP, kept in UTC
timestamp without a zone       ISO 8601 text without an offset; an aware datetime where the
                               stream goes by it (cursor, time, created), which takes it as UTC
infinity, years BC or > 9999   the text that the database writes
date, time                     ISO 8601
interval, MySQL's time         an ISO 8601 duration
UUID                           its text
array (Postgres)               a list, its items as above, of any number of dimensions
JSON                           itself; in it, numbers that 64 bits or a double do not hold
                               exactly: text; JSON that orjson cannot write again: text
=============================  ===============================================================

SQLite keeps what it is given, so there a value's own type counts more than its column's. While
it is read nobody can write to it, unless it has a write-ahead log.
"""
