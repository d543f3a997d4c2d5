"""Other libraries, imported when they are first needed."""
