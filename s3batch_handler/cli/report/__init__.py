"""The command ``s3batch report``."""
