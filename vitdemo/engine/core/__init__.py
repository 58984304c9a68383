"""What every answer stands on: models and results in memory, turns, and the analysis of a picture."""
