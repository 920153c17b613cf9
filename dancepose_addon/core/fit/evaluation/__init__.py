"""Error metrics, comparison of motions and the fit report."""
