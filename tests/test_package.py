"The wheel and the source archive hold all that the library needs, and work without the clone"
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

root = Path(__file__).parent.parent
assets = sorted(path.relative_to(root).as_posix() for path in (root/'fashion_nbdev').rglob('assets/*')
                if path.is_file())

@pytest.fixture(scope='module')
def built(tmp_path_factory):
    "A wheel and a source archive, from a copy of what git knows"
    folder = tmp_path_factory.mktemp('built')
    source = folder/'source'
    source.mkdir()
    files = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard',
                            'fashion_nbdev', 'settings.ini', 'setup.py',
                            'README.md', 'LICENSE', 'MANIFEST.in'], cwd=root, capture_output=True, text=True,
                           check=True).stdout.split('\0')
    for name in filter(None, files):
        (source/name).parent.mkdir(parents=True, exist_ok=True)
        (source/name).write_bytes((root/name).read_bytes())
    for kind in ('sdist', 'bdist_wheel'):
        subprocess.run([sys.executable, 'setup.py', '-q', kind, '--dist-dir', str(folder)], cwd=source,
                       check=True, capture_output=True)
    return folder

def test_assets_are_there():
    assert any(name.endswith('.html') for name in assets) and any(name.endswith('.css') for name in assets)

def test_wheel(built):
    names = zipfile.ZipFile(next(built.glob('*.whl'))).namelist()
    assert set(assets) <= set(names)
    assert {'fashion_nbdev/data/labels.py', 'fashion_nbdev/learning/train.py'} <= set(names)

def test_source_archive(built):
    names = tarfile.open(next(built.glob('*.tar.gz'))).getnames()
    inside = {name.split('/', 1)[1] for name in names if '/' in name}
    assert set(assets) <= inside and 'settings.ini' in inside

def test_works_without_the_clone(built, tmp_path):
    "The wheel, unpacked elsewhere, draws a report's page"
    zipfile.ZipFile(next(built.glob('*.whl'))).extractall(tmp_path/'site')
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path/'site')!r})
import fashion_nbdev
from importlib.resources import files
assert fashion_nbdev.__file__.startswith({str(tmp_path)!r}), fashion_nbdev.__file__
for name in {[name.removeprefix('fashion_nbdev/') for name in assets]!r}:
    assert files('fashion_nbdev').joinpath(name).read_text(encoding='utf-8').strip()
from fashion_nbdev.looking import report
"""
    subprocess.run([sys.executable, '-I', '-c', code], cwd=tmp_path, check=True)
