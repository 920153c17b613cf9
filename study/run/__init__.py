"""Execution of planned jobs, locally or on a cluster."""
