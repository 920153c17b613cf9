"""Sample data, fuzzers and reference implementations shared by tests and benchmarks."""
