"""Trying order rules without ordering: on what was really seen, and on fleets that never were."""
