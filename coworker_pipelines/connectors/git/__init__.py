"""Git repositories: their commits, branches and tags.

Belongs here: how a repository is opened and asked, by path or by URL, and what its
records look like. Does not: the forges around repositories (issues, reviews, people).

Decided: the git executable through pipes, because it streams a history of any length in
flat memory of ours; its plumbing alone (``rev-list``, ``cat-file``, ``diff-tree``,
``for-each-ref``), because nobody's configuration changes what that prints.
"""
