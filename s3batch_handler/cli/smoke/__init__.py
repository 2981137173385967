"""The command ``s3batch smoke``."""
