"""Where secrets rest, and how what is sensitive is encrypted.

Belongs here: the port, its adapters, the cipher. Does not: which secrets a connection has
(provisioning), how a value is used (its connector).
"""
