"""What the words of the field mean, and where all this comes from."""
