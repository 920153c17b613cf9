# SPDX-License-Identifier: Apache-2.0
"""Floor estimation, foot contacts and foot locking."""
