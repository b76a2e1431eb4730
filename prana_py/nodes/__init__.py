"""How a node is written: ``@node``, its answers, its context, and the catalog of node types."""
