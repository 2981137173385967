"""The local engine: the caller's side of S3 Batch Operations, on one machine.

Read :func:`~s3batch_handler.engine.runner.run_job` first: one job, top-down.
"""
