"""`python -m workbench` is `mnist-workbench`."""

from workbench.cli import main

if __name__ == "__main__":
    main()
