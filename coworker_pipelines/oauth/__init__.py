"""OAuth 2.0: a tenant lets us in, and the tokens that follow from it.

Belongs here: the authorisation by code with PKCE, refreshing before expiry, what a revoked grant
does to a connection. Does not: how a source uses a token (its connector), where tokens rest
(secrets).
"""
