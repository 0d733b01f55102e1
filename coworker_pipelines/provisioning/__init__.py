"""The making of tenants and connections, across database, secret store and Elasticsearch.

Belongs here: what the control plane does with rights that a run never has (indices, roles,
keys, secrets), so that a connection exists whole or not at all.
Does not: syncing (syncs), taking data away (privacy).
"""
