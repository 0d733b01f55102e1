"""The composition root: the one place where settings become stores, clients and runs.

Belongs here: which adapter stands behind which port, and what is opened with whose rights.
Does not: anything that decides. Above it are only the shells: Dagster's and the command line.
"""

from coworker_pipelines.assembly.platform import Platform

__all__ = ["Platform"]
