"""The command line: `coworker`, a module per noun.

Belongs here: words, help, tables and exit statuses. Does not: any decision that a library
user would miss; a command's body is a call.
"""
