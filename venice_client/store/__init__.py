"""Results that were paid for, kept on disk, and the limits of what may be spent."""
