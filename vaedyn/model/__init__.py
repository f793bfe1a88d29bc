"""The model: its parameters, schedules, starts and order parameters, and what results look like."""
