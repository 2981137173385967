"""Save jobs on disk, so that an engine can continue them after a restart."""
