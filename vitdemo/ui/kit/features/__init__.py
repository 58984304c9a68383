"""What each patch is like to a network: drawn by the browser, in every tab that shows it."""
