"""Benchmarks of this package and its alternatives: ``python -m benchmarks``.

Machines differ and are noisy, so compare ratios: the contenders run in turn for several rounds, and
the table shows the median ratio of all rounds. The benchmarks are not part of the test suite.
"""
