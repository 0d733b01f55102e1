"""The database: Postgres, its sessions with their tenant, row-level security, migrations.

Belongs here: the engine, roles and what a session may see, the base of the rows.
Does not: the rows themselves, which live with what they are about.

Decided: one dialect. Every transaction takes a role of its own (`coworker_run` sees one
tenant, `coworker_control` is the control plane), so that no code path runs with more.
"""
