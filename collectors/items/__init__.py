"""Items over their whole life: bugs, stories and tasks of TAPD by one mechanism, pure like the derivations.

A kind (kinds.py) says which fields matter and how its change rows are read (changes.py). Webhooks (hooks.py)
are one more input. The courses of the fields (courses.py) in each place an item was in (places.py) become its
fact (facts.py).
"""
