"""Who and what can reach which store, since when and why.

Belongs here: the report over every store, its recorded reviews, the record of who looked at raw
documents. Does not: granting or taking rights (provisioning, deploy).
"""
