"""Benchmarks of the runtime and its alternatives, on each Python of this machine.

``command`` starts ``measure_all`` with each Python, and ``page`` prints the tables and writes
``docs/benchmarks.md``. ``tables`` describes the tables and their targets.
"""
