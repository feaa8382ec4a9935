"""How collecting goes: the metrics from run records made by hand, and the alert rules."""
