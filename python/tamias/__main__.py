"""``python -m tamias`` is ``tamias``."""

from tamias.cli import main

if __name__ == "__main__":
    main(prog_name="tamias")
