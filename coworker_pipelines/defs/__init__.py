"""The Dagster shell: what an engineer sees, launches and schedules.

Belongs here: partitions, assets, checks, jobs, sensors, the run coordinator, the resource
that opens the platform; and for the cluster the launcher, the pod of a run, its entry and its
health. Does not: how anything is synced; an asset's body is a call.

Decided: one static graph for each kind of source; a connection is a value of the partition's
first dimension. So ten connections and ten thousand load in the same time.

Decided: the pod of a run is drawn whole by us, from its partition and a closed configuration.
The launcher is named by the instance's configuration and loaded by nothing else, so neither
definitions nor runs pay for the cluster's client.
"""
