"""Pictures, sound and films of a study."""
