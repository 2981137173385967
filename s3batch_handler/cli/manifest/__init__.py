"""The command ``s3batch manifest``."""
