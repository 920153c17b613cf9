# SPDX-License-Identifier: Apache-2.0
"""Natural poses from motion capture, and procedural poses."""
