"""The Kubernetes API, as one of our own service accounts meets it.

Belongs here: opening the client, telling its refusals in our words, names of namespaces and
objects. Does not: what is kept in the cluster (secrets), what runs in it (defs).
"""
