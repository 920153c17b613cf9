# SPDX-License-Identifier: Apache-2.0
"""Generator, discriminator and losses of the SmplRegressor."""
