"""Predictors for a network that stays as it is, from pictures alone.

`python -m train --recipe predictors init=NETWORK data=FOLDER`: what a predictor learns of a patch is what the
network itself makes of it.
"""
