"""From a connector's pages to segments of prepared documents.

Belongs here: what a record becomes (its key, version, hash, subject keys and envelope), what
is left out of it, and the loop that closes segments at page borders. Does not: where a read
starts (syncs), how a segment is stored (segments) or sent (documents).

Decided: a record is serialised once, into the bytes that Elasticsearch gets.
"""
