"""``s3batch policy``."""
