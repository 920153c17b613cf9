# SPDX-License-Identifier: Apache-2.0
"""Offline training with torch: regressor, discriminator, losses, data, calibration and evaluation."""
