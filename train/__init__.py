"""Training of the demo's weights: `python -m train --recipe NAME [key=value ...]`."""
