"""What a handler does when something goes wrong: each call of AWS that fails, hangs or is late."""
