"""S3 and S3 Control on this machine, built on moto; no other folder imports moto."""
