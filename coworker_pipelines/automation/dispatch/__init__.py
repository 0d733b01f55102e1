"""Doing what was chosen: taken under a lease, done once by its key, noted before and after.

Belongs here: who takes which action and when, what is tried again, effects of our own. Does not:
how an action comes in and who looks after it (outbox), the way to the outside (egress).

Decided: three transactions around a sending, taken, begun and ended, so that after a crash
anywhere it is known whether something may have gone out. Effects of our own take one transaction
with their end, and so take place exactly once.
"""
