"""Decisions: what the rules in force made of a message, kept so that it can be proved.

Belongs here: the pure function that decides, its record and the chain of records, replay and dry
run, what an erasure takes out. Does not: what a rule is (rules), carrying actions out.

Decided: a record has an open half, which the chain's hashes cover and which stays, and a personal
half, to which they are bound by a salted digest alone: when a person is erased, the half and its
salt go, and the chain still holds.
"""
