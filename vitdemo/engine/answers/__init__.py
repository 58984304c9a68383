"""One file a question that may be asked of a result, or of a model."""
