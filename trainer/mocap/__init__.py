"""Natural poses from motion capture, and procedural poses."""
