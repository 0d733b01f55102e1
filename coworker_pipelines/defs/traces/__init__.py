"""What Dagster keeps of connections, and taking it out again.

Belongs here: its tables, its logs of steps, its files. Does not: when that is done (privacy).

Decided: rows of a connection's own runs are deleted; in what Dagster keeps for all connections
together (a sensor's tick, a run over all of them) the connection's name is masked, so that others
lose nothing. Dagster's interface can do neither for most of its tables, so its tables are named.
"""
