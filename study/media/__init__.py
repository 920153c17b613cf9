# SPDX-License-Identifier: Apache-2.0
"""Pictures, sound and films of a study."""
