"""Tenants, their connections, and what is known of each.

Belongs here: the rows, selections, schedules, stream states, syncs, rejected records, and
the pure rules over them. Does not: secrets' values, anything in Elasticsearch.

Decided: rows are used as they are, functions take a session: whose rows they see is the
session's business (database), not theirs.
"""
