"""HTTP routes: parse the request, call the core, encode the answer."""
