"""`python -m routerhub_server`, and the `routerhub` command."""

from routerhub_server.cli import routerhub


def main() -> None:
    routerhub(prog_name="routerhub")


if __name__ == "__main__":
    main()
