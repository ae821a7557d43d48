"""The admin area of the site: accounts, queues, settings, mail, live sessions and the audit log, without scripts."""
