"""Supplies: how much is left, and when to order. Nothing in here does input or output."""
