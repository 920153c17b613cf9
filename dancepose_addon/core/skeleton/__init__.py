"""What came in: layouts, sequences, axes and the readers of files."""
