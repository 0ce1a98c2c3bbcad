"""What can be read of a damaged database, page by page, and a sound one made of it."""
