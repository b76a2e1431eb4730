"""What a workflow becomes: compiled once, checked whole, shared by every execution."""
