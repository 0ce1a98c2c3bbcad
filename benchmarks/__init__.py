"""Measurements, made by commands and written down by them."""
