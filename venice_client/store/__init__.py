"""What was paid for, and what may be spent."""
