"""From an accepted reading or order to the portal's receipt."""
