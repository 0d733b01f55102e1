"""The language of conditions: the part of CEL on which two implementations agree.

Belongs here: its syntax with places, its types, its evaluation with reasons. Does not: which
names a rule may use (rules), what is done with a result (decisions).

Decided: what is written is checked by a reader of our own, which alone knows where in the text
something stands, and evaluated by a foreign implementation; constructs on which that one and a
second, independent one differ are refused, so that the language has one meaning.
"""
