"""The command ``s3batch job``."""
