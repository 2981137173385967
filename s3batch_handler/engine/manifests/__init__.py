"""Manifests of jobs: read, generated from a bucket listing, and prepared for a run."""
