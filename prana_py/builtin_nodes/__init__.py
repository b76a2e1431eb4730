"""The node types that come with the engine."""
