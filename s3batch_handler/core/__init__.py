"""What both sides of an invocation share: nouns, errors, the payload, classification."""
