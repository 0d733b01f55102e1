"""Erasing one person within a tenant, so that nobody can read of them and no file holds them.

Belongs here: whose keys a person has and how that is known, what is about or by them and what
only mentions them, and the work in its phases.
Does not: what keeps them out from then on (suppression), the life of an order (orders).

Decided: two people are never taken for one without an operator's word. Identifiers are linked only
where a connector declares that fields of one record name one person, and where links lead to a
second address, login or user id, the order stops until somebody has said that it is theirs.
"""
