"""Find what is wrong with a manifest, and repair it."""
