"""GitHub: an organisation's repositories, and the work that is done around them.

Belongs here: which addresses of the REST API make a stream, in which order they are read and
how a read goes on, and what the records say happened. Does not: how an API is asked at all
(``sdk/http``), nor the history of a repository beyond its default branch (the kind ``git``).
"""
