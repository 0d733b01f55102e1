"""Data goes when its time is over: policies are set and explained, and sweeps carry them out.

Belongs here: who sets a policy, what is to go by it and why, the removal in bulk, and the truth
about what is left, measured from the data. Does not: what a policy means (connections), since
runs ask for that too.

Decided: whether a document goes is one pure function, ``judge``; a query only proposes. It is
asked for every document, behind the lock that a hold waits for, right before that document goes.
Only where a count behind that lock says that every document of a stream is spent, the index goes.
"""
