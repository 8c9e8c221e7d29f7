"""What is wrong with a configuration."""


class SettingsError(Exception):
    """The configuration is wrong; the message says what and where."""
