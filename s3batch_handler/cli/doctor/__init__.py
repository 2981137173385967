"""The command ``s3batch doctor``."""
