"""The runtime: what runs inside Lambda, around the user's function."""
