"""``python -m s3batch_handler.cli``."""

from s3batch_handler.cli import main

main()
