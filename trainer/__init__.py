"""Offline training with torch: the SmplRegressor, its discriminator, losses, data and loop."""
