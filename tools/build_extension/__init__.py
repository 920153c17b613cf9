# SPDX-License-Identifier: Apache-2.0
"""Build what users install from the checkout: a zip per platform, a slim one, and an index to subscribe to."""
