"""Functions whose cold start is measured: each does the same, with another library."""
