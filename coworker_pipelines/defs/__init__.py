"""The Dagster shell: what an engineer sees, launches and schedules.

Belongs here: partitions, assets, checks, jobs, sensors, the run coordinator, the resource
that opens the platform. Does not: how anything is synced; an asset's body is a call.

Decided: one static graph for each kind of source; a connection is a value of the partition's
first dimension. So ten connections and ten thousand load in the same time.
"""
