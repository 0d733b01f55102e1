"""The Automation Engine: rules look at activity messages and decide what is done.

Belongs here: the language of conditions, rules and their versions, the registry of actions,
decisions and their record. Does not: how a message comes to be (activities), when a decision is
due (the shell), who orders an erasure (privacy).

Decided: a decision is a pure function of a message, the facts captured with it, the rule set
and the engine's version, so that it can be explained and made again years later.
"""
