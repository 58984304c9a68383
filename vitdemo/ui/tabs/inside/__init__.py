"""The way through the network, what its weights hold, and how each head looks."""
