"""The command line: one module a command, and nothing here that computes."""
