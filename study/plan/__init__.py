"""The study file and the plan of jobs derived from it."""
