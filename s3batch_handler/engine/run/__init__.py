"""One job: its tasks, their retries, the journal, the failure threshold and the report."""
