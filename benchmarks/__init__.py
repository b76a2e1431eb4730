"""What things cost, each beside the floor it stands on."""
