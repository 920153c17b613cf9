"""Where the points of the usual detectors' layouts ride on the default body."""
