"""The command ``s3batch run``."""
