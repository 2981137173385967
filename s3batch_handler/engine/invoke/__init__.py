"""Functions and their invocation: in this process, in worker processes, or over the network."""
