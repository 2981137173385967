"""``@task_handler``, and the code that runs tasks in a Lambda function."""
