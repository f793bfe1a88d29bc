"""How long learning takes, and the schedule of beta under which it takes least."""
