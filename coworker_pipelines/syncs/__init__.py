"""One sync: the four phases over one connection, between its source and its stores.

Belongs here: which cursor a phase starts from, in what order effects and checkpoints follow
one another, what a phase reports. Does not: how a record is prepared (extraction), written
(documents), turned into messages (activities) or decided on (automation).

Decided: a phase holds the connection's lock and reads everything that decides (epoch,
selection, suppression, state) under it, so that two runs of one connection never interleave.
"""
