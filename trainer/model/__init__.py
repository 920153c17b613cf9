"""Generator, discriminator and losses of the SmplRegressor."""
