"""The page of a job: live from a server, or saved in one file."""
