"""What the network says, dense and pruned, and what that cost."""
