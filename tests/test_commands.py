"The installed console commands, from outside"
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from functools import cache, partial
from pathlib import Path

import pytest
from nbdev.config import get_config

from fashion_nbdev.commands.examples import EXAMPLES
from fashion_nbdev.data.sources import SOURCES

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
heavy -= {known!r}
assert not heavy, heavy"""


def run(*words, env=None):
    return subprocess.run(words, capture_output=True, text=True, env=env)


@cache
def asked(name, words=(), columns=80):
    "What the command says when it is asked for help, once for all tests that read it"
    return run(BIN/name, *words, '--help', env=os.environ | dict(COLUMNS=str(columns)))


@each
def test_help(name):
    "The command is installed, and explains itself"
    done = asked(name)
    assert done.returncode==0, done.stderr
    assert '--help' in done.stdout
    assert not done.stderr


@each
def test_help_is_light(name):
    "`--help` answers before torch is loaded"
    module, function = SCRIPTS[name].split(':')
    known = {'pandas'} if name=='clean-fashion' else {''} # whose flags are those of a reader
    code = LIGHT.format(name=name, module=module, function=function, known=known)
    done = run(sys.executable, '-c', code)
    assert done.returncode==0, done.stderr


@each
def test_wrong_flag(name):
    "An unknown flag is an error in words, with exit code 2"
    done = run(BIN/name, '--no-such-flag')
    assert done.returncode==2, done.stderr
    assert 'Traceback' not in done.stderr
    assert done.stderr.strip()


@each
@pytest.mark.parametrize('columns', [80, 120])
def test_help_fits(name, columns):
    "`--help` fits the terminal, shows no flag cut in two, and ends with two examples that can be copied"
    sources = ['', *SOURCES] if name=='prepare-fashion' else ['']
    for source in sources:
        done = asked(name, tuple(source.split()), columns)
        lines = done.stdout.splitlines()
        assert max(map(len, lines)) <= columns, max(lines, key=len)
        assert not [line for line in lines if re.search(r'-\w+-$', line)]
        assert 'examples:' in lines
        assert '--version' in done.stdout


@each
def test_version(name):
    done = run(BIN/name, *(['garments'] if name=='prepare-fashion' else []), '--version')
    assert done.stdout.strip()==f'{CONFIG.lib_name} {CONFIG.version}'


@pytest.mark.parametrize('name', EXAMPLES)
def test_examples(name):
    "An example names flags that the command has"
    command, *source = name.split()
    listed = asked(command, tuple(source)).stdout
    assert listed.rstrip().endswith(EXAMPLES[name][-1].replace('\n', '\n  ')), name
    for example in EXAMPLES[name]:
        words = shlex.split(example.replace('\\\n', ' '))
        known = asked(words[0], (words[1],)).stdout if words[0]=='prepare-fashion' else listed
        for word in words:
            assert not word.startswith('--') or re.search(rf'^  {word}\b', known, re.M), word


LOADS_TORCH = {
    'demo-fashion': '--output-dir demo',
    'bench-fashion': '--parts images --photographs 8 --size 32'}


@pytest.mark.skipif(not Path('/proc/self/maps').exists(), reason='no /proc here')
@pytest.mark.parametrize('name', LOADS_TORCH)
def test_interrupted_while_torch_is_loaded(name, tmp_path):
    "Ctrl-C in the moment in which torch's C++ parts come in is one line and exit code 130"
    words = [BIN/name, *LOADS_TORCH[name].split()]
    listen = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)   # jobs in the background may ignore it
    process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True, preexec_fn=listen)
    maps = Path(f'/proc/{process.pid}/maps')
    while 'libtorch' not in maps.read_text():
        assert process.poll() is None
        time.sleep(.01)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1]==f'{name}: interrupted\n'
    assert process.returncode==130
