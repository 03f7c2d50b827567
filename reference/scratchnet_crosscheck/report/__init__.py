"""Reports of what the checks came to: on the terminal, as JSON, as a page."""
