"""`python -m vaedyn` is the `vaedyn` command."""

from vaedyn.cli.main import main  # pyright: ignore[reportMissingImports]

if __name__ == "__main__":
    main()
