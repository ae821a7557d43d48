"""Sans-IO state of the relay: sessions, roles and activities; clock and randomness are passed in."""
