"""Compiled templates: what a string of a node's parameters becomes."""
