"""Processes killed at random moments: what was acknowledged is kept, and the answers come out the same."""
