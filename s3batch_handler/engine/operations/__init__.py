"""S3's own operations: what a job can do to each object without a function."""
