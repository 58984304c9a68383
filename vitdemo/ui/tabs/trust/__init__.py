"""Which map tells the truth about this picture."""
