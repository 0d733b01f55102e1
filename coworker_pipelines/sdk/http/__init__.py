"""How a connector asks a REST API: bounded, patient, and careful with what it holds.

Belongs here: one client with its limits, retries, rate limits, paging and conditional requests;
which addresses it may reach; what a refusal means when the API has no words of its own.
Does not: any particular API, its addresses, its words (its connector).

Decided: httpcore, the layer below httpx, because it lets us say which address a name is
connected to (after every one of them was looked at) and how long each single read may take,
and still checks the certificate against the name. Nothing here logs a header, a path or a
query: the first hold secrets, the others a client's names.
"""
