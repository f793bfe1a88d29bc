"""Users' own data: their spectrum, noise and signals, and what a linear VAE learns of them."""
