"""The state of jobs: how it changes, and how it is saved to continue after a restart."""
