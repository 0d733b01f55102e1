"""Deletion of a stream, a connection or a tenant: at once, complete, and counted.

Belongs here: what an order shows, how writers are shut out, in which order places are cleared and
counted, and when it is done. Does not: how one place is cleared (removers).

Decided: every phase can be done again, and what it has done is in the database before the next
begins, so a deletion that was killed anywhere is finished by the next try. A place that cannot be
counted keeps the order open; the others are cleared all the same, because data goes at once.
"""
