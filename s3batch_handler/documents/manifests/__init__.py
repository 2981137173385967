"""CSV manifests and S3 Inventory reports: read and write them."""
