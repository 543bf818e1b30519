"""What the SQL stores share: the query compiler and its dialects."""
