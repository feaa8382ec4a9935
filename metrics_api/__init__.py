"""The HTTP API of engmetrics: frames over the facts, metrics over the frames, two Grafana wires."""

__version__ = "0.1.0"
