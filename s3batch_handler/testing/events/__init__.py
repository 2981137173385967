"""Events, contexts and tasks for tests: created, or read from files."""
