"""Explain the text of a denied request: which statement is missing where."""
