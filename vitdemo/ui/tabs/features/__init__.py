"""What each patch is like to the network."""
