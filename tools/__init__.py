"""The project's own tools: set-up, generators, checks, the run and the guided tour."""
