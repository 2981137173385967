"""Objects of a bucket, listed by several threads and filtered."""
