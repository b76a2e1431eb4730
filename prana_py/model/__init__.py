"""What a person writes: workflows as plain data, and the ways to make, read and write them."""
