"""Who was erased is not taken in again.

Belongs here: making, listing and lifting suppressions, and doing that again after a restore.
Does not: how the write path reads the list (connections) and what it does with a record
(extraction).

Decided: a suppression is lifted by an order of its own, which says who and why; its keys go, and
what is known of it stays on record.
"""
