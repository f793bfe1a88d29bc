"""The command line: it parses options, calls the science, and prints the results."""
