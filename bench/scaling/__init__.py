"""What grows with the problem, with the workers, and with what is kept."""
