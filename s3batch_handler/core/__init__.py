"""Data models, exceptions, the payload, classification and redaction, for all other folders."""
