"""Functions whose start is measured: each does the same, by other means."""
