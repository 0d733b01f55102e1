"""Taking data away: what a tenant no longer lets in is removed from all that is stored.

Belongs here: the orders to remove, their preview, and their execution in every store.
Does not: what is let in (connections), how a document is removed (documents).

Decided: an order is recorded before anything is removed and closed when everything is, so
that a crash at any point leaves an order that the next try finishes.
"""
