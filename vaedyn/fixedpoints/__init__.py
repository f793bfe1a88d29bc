"""Where learning ends: fixed points, how they move and change stability, which one is reached."""
