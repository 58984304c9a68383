"""Two models, or one at two settings."""
