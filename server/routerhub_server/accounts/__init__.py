"""Who may call: accounts, their secrets, and the check of a presented key."""

from routerhub_server.accounts.account import Account
from routerhub_server.accounts.limits import Allowance, Budget, Limits, periods
from routerhub_server.accounts.rows import to_allowance
from routerhub_server.accounts.store import AccountError, Accounts

__all__ = ["Account", "AccountError", "Accounts", "Allowance", "Budget", "Limits", "periods", "to_allowance"]
