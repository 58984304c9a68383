"""Which patches stayed, and the pruning laboratory."""
