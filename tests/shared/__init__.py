"""Slow plain twins, models and means that several tests use."""
