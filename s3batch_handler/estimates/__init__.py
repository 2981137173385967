"""Estimates of a job before it is created: its cost and its duration."""
