"""One file per subject; each metric is one decorated function, pure: frames and a query in, rows out."""
