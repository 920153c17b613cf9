"""How key-points become a body's motion."""
