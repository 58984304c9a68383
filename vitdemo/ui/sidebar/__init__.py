"""The left column: the picture, what to run on it, and what leaves the page."""
