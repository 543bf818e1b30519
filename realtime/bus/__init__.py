"""What is said in one place is heard in others: the buses."""
