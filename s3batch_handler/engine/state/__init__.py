"""Jobs on disk: what lets an engine continue after a restart."""
