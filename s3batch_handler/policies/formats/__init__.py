"""Policies as JSON, and as code for SAM, Terraform and CDK."""
