"""Job files: a job as a file in YAML, TOML or JSON."""
