"""What is asked for: typed requests, and the checks before they are sent."""
