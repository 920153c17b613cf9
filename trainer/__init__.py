"""Offline training with torch: regressor, discriminator, losses, data, calibration and evaluation."""
