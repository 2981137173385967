"""Folders and files on this machine and in S3, and the rows of CSV files."""
