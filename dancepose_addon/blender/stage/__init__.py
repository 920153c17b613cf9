"""Floor, lights, camera and world of a scene."""
