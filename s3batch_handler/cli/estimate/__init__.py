"""``s3batch estimate``."""
