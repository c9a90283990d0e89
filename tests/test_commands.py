"The installed console commands, from outside"
import shlex, subprocess, sys
from pathlib import Path

import pytest
from nbdev.config import get_config

root = Path(__file__).parent.parent
scripts = [o.split('=') for o in shlex.split(get_config(path=root).console_scripts)]
each = pytest.mark.parametrize('name,target', scripts, ids=[o[0] for o in scripts])

@each
def test_help(name, target):
    "The command is installed, and explains itself"
    r = subprocess.run([Path(sys.executable).parent/name, '--help'], capture_output=True, text=True)
    assert r.returncode==0 and '--help' in r.stdout and not r.stderr, r.stderr

@each
def test_help_is_light(name, target):
    "`--help` answers before torch is loaded"
    module, func = target.split(':')
    code = f"""
import sys
sys.argv = [{name!r}, '--help']
from {module} import {func}
try: {func}()
except SystemExit as e: assert not e.code
heavy = {{'torch', 'torchvision', 'sklearn', 'matplotlib.pyplot'}} & sys.modules.keys()
assert not heavy, heavy"""
    r = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert r.returncode==0, r.stderr

@each
def test_wrong_flag(name, target):
    "An unknown flag is an error in words, with exit code 2"
    r = subprocess.run([Path(sys.executable).parent/name, '--no-such-flag'], capture_output=True, text=True)
    assert r.returncode==2 and 'Traceback' not in r.stderr and r.stderr.strip(), r.stderr
