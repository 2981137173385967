"""What this project costs beside its alternatives: ``python -m benchmarks``.

Machines differ and are noisy, so what counts are ratios: the contenders run in turn, for several
rounds, and the median of each round's ratio is told. Never part of the test suite.
"""
