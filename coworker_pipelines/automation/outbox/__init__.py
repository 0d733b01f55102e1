"""Actions that were chosen and are to be done, each once by its key.

Belongs here: how they come in (with their decision, in its transaction), their states, who looks
at those that need a person, what stops them, what an erasure takes out of them. Does not: doing
them (dispatch), where something may be sent (egress).

Decided: a row for each action and never a second one, so that every question about it (was it
done, why not, how often was it tried) has one place to be asked.
"""
