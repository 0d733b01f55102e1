"""The Kubernetes API, as one of our own service accounts meets it.

Belongs here: opening the client, telling its refusals in our words, names of namespaces and
objects, what a tenant's namespaces hold, who may do what. Does not: what is kept in the cluster
(secrets), what runs in it (defs).

Decided: objects are plain manifests that are sent to their paths, not the generated models. What
is sent is then what ``kubectl`` shows, and no value passes the generated client's log of bodies.
"""
