"""The trainers folder as a package: its files import one another with a dot, and processes they start find them."""

import os

FOLDER = "DEEPEXT_OWN_FOLDER"  # in the environment, which a process that is started anew inherits

__path__ = [os.environ[FOLDER]] if FOLDER in os.environ else []
