"""Results as tables and words: what the command line prints, and notebooks show."""
