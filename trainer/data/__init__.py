# SPDX-License-Identifier: Apache-2.0
"""Training samples: recordings, augmentation and batches."""
