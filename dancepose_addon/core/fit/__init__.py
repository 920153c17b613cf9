# SPDX-License-Identifier: Apache-2.0
"""How key-points become a body's motion."""
