"""Floor estimation, foot contacts and foot locking."""
