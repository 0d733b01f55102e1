"""Prepared documents on their way from extraction to Elasticsearch.

Belongs here: the segment's format, the manifest that lists closed segments, and the
stores that hold both (a local folder, a bucket of Google Cloud Storage).
Does not: what goes into a document (extraction), how it is written (documents).

Decided: a segment's blocks are bulk requests, ready to send, so that storing costs a
decompression and nothing is parsed or serialised twice.
"""
