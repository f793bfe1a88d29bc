"""How learning goes: theory, simulation, the bands between both, and the escape from the start."""
