"""What both sides of the house share: settings, the store, the documents, days, errors, logs."""
