"""What collecting costs: requests, the account's quota, and how it yields to an overloaded upstream."""
