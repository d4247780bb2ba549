"""Generated histories: a whole node in simulated time, everything that may befall it, and what must hold throughout."""
