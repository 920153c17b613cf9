# SPDX-License-Identifier: Apache-2.0
"""The Blenders that `make test-matrix` runs the built zip in, each in a separate environment under build/matrix."""
