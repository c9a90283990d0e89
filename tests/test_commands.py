"The installed console commands, from outside"
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from nbdev.config import get_config

BIN = Path(sys.executable).parent
CONFIG = get_config(path=Path(__file__).parent.parent)
SCRIPTS = dict(script.split('=') for script in shlex.split(CONFIG.console_scripts))
each = pytest.mark.parametrize('name', SCRIPTS)

LIGHT = """
import sys
sys.argv = [{name!r}, '--help']
from {module} import {function}
try: {function}()
except SystemExit as end: assert not end.code
heavy = {{'torch', 'torchvision', 'sklearn', 'matplotlib.pyplot', 'lancedb', 'pandas'}} & sys.modules.keys()
assert not heavy, heavy"""


def run(*words):
    return subprocess.run(words, capture_output=True, text=True)


@each
def test_help(name):
    "The command is installed, and explains itself"
    done = run(BIN/name, '--help')
    assert done.returncode==0, done.stderr
    assert '--help' in done.stdout
    assert not done.stderr


@each
def test_help_is_light(name):
    "`--help` answers before torch is loaded"
    module, function = SCRIPTS[name].split(':')
    done = run(sys.executable, '-c', LIGHT.format(name=name, module=module, function=function))
    assert done.returncode==0, done.stderr


@each
def test_wrong_flag(name):
    "An unknown flag is an error in words, with exit code 2"
    done = run(BIN/name, '--no-such-flag')
    assert done.returncode==2, done.stderr
    assert 'Traceback' not in done.stderr
    assert done.stderr.strip()
