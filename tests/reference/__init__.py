"""A second reading of the metric definitions: plain loops over records as TAPD and GitLab return them.

It shares no code with the product, is slow on purpose, and is what the product's answers are compared with.
Start at `answers.answer(company, query)`.
"""
