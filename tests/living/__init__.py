"""A company that lives on while it is collected by several at once."""
