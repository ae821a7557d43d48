"""What must survive a restart: the journal, the accounts, the settings."""
