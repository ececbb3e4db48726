"""``python -m socialcrm`` is the command ``socialcrm``."""

from socialcrm.cli import main

if __name__ == "__main__":
    main()
