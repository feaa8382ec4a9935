"""What products may be called: names with the signs that one wire or another gives a meaning to."""

from simulator.products import PRODUCTS

NAMES = [product.name for product in PRODUCTS]
ODD_NAMES = ["C++ 内核, #2 & v1.0.2.3", "R&D, 产品 a.b+c = {x}"]
