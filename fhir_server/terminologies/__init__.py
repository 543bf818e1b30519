"""Terminologies as their publishers deliver them: files read, and loaded into the concept store."""
