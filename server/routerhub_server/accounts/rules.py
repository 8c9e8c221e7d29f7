"""What operators may ask of an account, and how they are told that they may not."""

import re

from routerhub_server.accounts.account import Account

NAME_LENGTH = 100
PATTERN = r"[\w.*?/\[\]!:@-]{1,200}"
"""Of model ids: without blanks, which separate them in their column."""


class AccountError(Exception):
    """What an operator asked of an account cannot be done; the message says why."""


class UnknownAccountError(AccountError):
    """No account has the id or name."""


class NameTakenError(AccountError):
    """Another account that is not disabled has the name."""


def check_name(name: str) -> None:
    if not (name.isprintable() and name == name.strip() and 1 <= len(name) <= NAME_LENGTH):
        raise AccountError(f"a name is 1 to {NAME_LENGTH} printable characters without blanks around it")


def check_patterns(account: Account) -> None:
    for pattern in (*account.models, *account.allowance.models):
        if not re.fullmatch(PATTERN, pattern):
            raise AccountError(f"{pattern!r} is not a pattern of model ids such as google/*")


def name_taken(name: str) -> NameTakenError:
    return NameTakenError(f"the name {name!r} is taken; disable its account first")
