"""Activity messages: somebody did something to something at some time.

Belongs here: the message and its published schema, its derivation from stored documents,
and the index in which messages rest. Does not: which facts a document holds (its connector
says), when a derivation is due (syncs), what a message sets off (automation).

Decided: a message's id is a hash of facts and messages are written create-only, so that the
same document makes the same messages for ever and a replay adds nothing.
"""
