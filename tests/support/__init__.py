# SPDX-License-Identifier: Apache-2.0
"""Sample data, fuzzers and reference implementations shared by tests and benchmarks."""
