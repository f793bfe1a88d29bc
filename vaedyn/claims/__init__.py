"""The claims of the paper in numbers, and checks of an installation."""
