"""How far predictions for linear VAEs hold for nonlinear ones: `make study`."""
