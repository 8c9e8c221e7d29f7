"""Who may call: accounts, their secrets, and the check of a presented key."""

from routerhub_server.accounts.account import Account, Key
from routerhub_server.accounts.admin_tokens import AdminTokens
from routerhub_server.accounts.limits import Allowance, Budget, Limits, periods
from routerhub_server.accounts.rows import to_allowance
from routerhub_server.accounts.rules import AccountError, NameTakenError, UnknownAccountError
from routerhub_server.accounts.store import Accounts

__all__ = [
    "Account",
    "AccountError",
    "Accounts",
    "AdminTokens",
    "Allowance",
    "Budget",
    "Key",
    "Limits",
    "NameTakenError",
    "UnknownAccountError",
    "periods",
    "to_allowance",
]
