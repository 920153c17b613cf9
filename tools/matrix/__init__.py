"""The Blenders that `make test-matrix` runs the built zip in, each in an environment of its own under build/matrix."""
