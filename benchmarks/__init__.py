"""Side-by-side measurements; every published figure has its command here: ``python -m benchmarks.<name>``."""
