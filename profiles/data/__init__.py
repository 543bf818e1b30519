"""R4 4.0.1 as compact data files, and the script that compiles them from the official package."""
