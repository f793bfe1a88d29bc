"""The command `vaedyn reproduce`, its report, and the pictures in it."""
