"""Service notifications: which faults of printers are worth one, and when. No input and output in this package."""
