"""The promises of the project, as tests."""
