"""What a rule can have done: a closed list of types, each with its parameters and its promise.

Belongs here: the types, what each wants to know, how often its effect takes place. Does not: who
chose an action (decisions), how it is carried out.
"""
