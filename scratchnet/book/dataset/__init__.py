"""The book's ``dataset`` package."""
