"""The hands of a deletion: a module for each kind of place.

Belongs here: how much of an extent a place holds, and how it goes from there. Does not: in which
order places are cleared, and what is made of the counts (deletion).

Decided: each finds what it removes by asking the place, not by a list that was kept, so that what
a crash left behind is found as well.
"""
