"""What leaves: to destinations that the tenant has authorised, and nothing but what it allowed.

Belongs here: destinations, what a letter to each looks like, its signature, how it is sent. Does
not: whether and when something is sent (dispatch).

Decided: an authorisation is never changed, only withdrawn and given anew, so each thing that was
sent names the one by which it could be. A host is connected to at the very address that was looked
at, and a redirect is an answer like any other, so nobody behind a name can send us elsewhere.
"""
