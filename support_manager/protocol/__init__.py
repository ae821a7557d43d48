"""The one contract between the app, the relay and the customer's page: a leaf of standard library and msgspec."""
