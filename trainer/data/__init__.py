"""Training samples: recordings, augmentation and batches."""
