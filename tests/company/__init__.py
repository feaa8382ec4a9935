"""A small company written by hand, in the records TAPD and GitLab would return, with its numbers worked out.

`shop.company()` is the company, `expected` its numbers; `six_items.company()` is the example of the
definitions.
"""
