"""The command `vaedyn plot`: a file for each figure, named like the one that draws it."""
