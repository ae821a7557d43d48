"""The relay: brokers sessions, decides who may do what, serves the site and the customer's page."""
