"""Rules: what a client's people write, and what of it is in force.

Belongs here: the rule and its text, what it may name, its checks and its own tests, versions and
activations. Does not: what a rule makes of a message (decisions).

Decided: a version never changes once it is kept, so a decision that names it can be explained
for ever; what is in force is told by activations, which are only added.
"""
