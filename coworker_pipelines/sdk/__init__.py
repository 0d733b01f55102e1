"""What a connector is written against, and all that it may know.

Belongs here: the ports ``Connector`` and ``Stream``, pages and cursors, settings,
facts of activities, and the conformance kit that every connector's tests run.
Does not: any particular source, and anything behind extraction.
"""
