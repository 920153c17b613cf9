"""From the checkout to what users install: a zip per platform, a slim one, and an index to subscribe to."""
