"""A page in the browser on which the model is explored."""
