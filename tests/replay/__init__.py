"""Replays of the clients Grafana has for us: their requests byte for byte, answers read as strictly."""
