"""Frames of bugs and stories: labels, parents, workitem types, and what a refresh makes of them."""
