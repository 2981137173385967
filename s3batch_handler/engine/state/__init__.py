"""Change the status of jobs, and save jobs so that they continue after a restart."""
