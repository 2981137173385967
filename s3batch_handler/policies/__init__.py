"""IAM policies for a job, and explanations of requests that IAM denied."""
