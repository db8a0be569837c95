"""`python -m onboarding.local [--once]`: what `make run` calls."""

import sys

from onboarding.local.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
