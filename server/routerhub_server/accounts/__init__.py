"""Who may call: accounts, their secrets, and the check of a presented key."""

from routerhub_server.accounts.account import Account
from routerhub_server.accounts.store import AccountError, Accounts

__all__ = ["Account", "AccountError", "Accounts"]
