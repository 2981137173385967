"""Completion reports: read, summarize, query, verify, merge and write them."""
