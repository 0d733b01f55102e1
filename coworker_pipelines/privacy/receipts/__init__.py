"""Signed proof of what was removed.

Belongs here: what a receipt says, its canonical bytes, its signature, the chain, and verifying
them with the public key alone. Does not: what was removed and how that was counted (deletion,
erasure).

Decided: one chain for the deployment. A receipt names the digest of the one before, so none can be
left out, put in between or changed later without that being seen in all that follow.
"""
