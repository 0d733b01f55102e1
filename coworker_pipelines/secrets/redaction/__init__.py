"""The last net: what must never be seen, masked wherever text leaves a process.

Belongs here: which texts give a value away (its encodings, its parts, what is derived from it),
finding them quickly, and the borders where they are masked: log records, Python's own streams,
file descriptors, text that is stored as JSON. Does not: keeping values out of text in the first
place (the type ``Secret``), and a client's documents, which are not ours to change.

Decided: one automaton (Aho-Corasick) over all encodings of all values, because a search costs the
same for one pattern as for ten thousand; and long encodings are cut into pieces that are found
each by itself, so that a stream holds back a hundred bytes at the most and a value that somebody
shortened is found as well.
"""
