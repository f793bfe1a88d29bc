"""Colours of lines, which need no matplotlib."""

# Okabe and Ito's colour-blind safe palette, darkest first
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
