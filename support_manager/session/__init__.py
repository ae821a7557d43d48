"""The rep's view of a session: a sans-IO model of it, and the object that runs it."""
