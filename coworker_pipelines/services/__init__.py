"""The servers of one machine: an embedded Postgres and a local Elasticsearch node.

Belongs here: fetching, starting, finding and stopping them, and the addresses that they
answer at. Does not: what is kept in them (database, documents), and any variable of the
environment as configuration (settings).

Decided: real servers, never imitations, because row-level security and API keys are what
keeps clients apart. Both ask for a password, listen on loopback or a socket alone, and run
as a system user of their own when we are root, because both refuse to run as root. The
binaries of Postgres are started by us and not through their wheel's own helper: that one
opens every folder above the data to every user, trusts whoever reaches the socket, and
takes any process that inherited an old id for its server.
"""
