"""Alembic's scripts, run by `server_stub.store.database` from wherever the program is installed."""
