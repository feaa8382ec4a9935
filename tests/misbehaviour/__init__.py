"""What TAPD may do wrong, through the real collectors: the facts come out as if nothing had happened."""
