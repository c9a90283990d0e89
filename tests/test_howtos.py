"""Every block of commands in README, start page and how-tos, run as it stands.

The commands are the installed ones; only what takes long is made short behind their backs: small networks,
one epoch, drawn photographs, weights that are random numbers. `git` and `make` say what they would do."""
import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from execnb.nbio import read_nb

from fashion_nbdev.data.labels import read_labels, read_partition
from fashion_nbdev.garments.collection import make_garments

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
SMALL = '--body resnet18 --size 32 --epochs 1 --batch-size 16 --hidden 32'
SHORT = {'train': SMALL, 'sweep': f'{SMALL} --seeds 0', 'export': '--photographs 16'}

SHIM = """#!/bin/sh
"{real}" "$@" {short}
code=$?
case {name}:$code in
  *:0 | check-fashion:1) ;;
  *) echo "{name} $* left with $code" >> "$FAILED" ;;
esac
exit $code
"""
GIT = ('#!/bin/sh\nmkdir -p "$(basename "$2")/.venv/bin" && cd "$(basename "$2")" && '
       'cp {root}/Makefile {root}/settings.ini {root}/setup.py {root}/requirements.txt .\n')
MAKE = ('#!/bin/sh\n"{real}" --dry-run "$@" > /dev/null || echo "make $*" >> "$FAILED"\n'
        'mkdir -p .venv/bin && touch .venv/bin/activate\n')


def blocks(text):
    "Language and text of each block that a reader may type"
    return re.findall(r'^```(sh|python)\n(.*?)^```', text, re.M | re.S)


def notebook_text(path):
    return '\n\n'.join(cell.source for cell in read_nb(path).cells if cell.cell_type == 'markdown')


TEXTS = {
    'README': (ROOT/'README.md').read_text(),
    'how do I': notebook_text(ROOT/'nbs/tutorials/00_how_do_i.ipynb')}


def test_start_page_is_readme():
    "The start page shows the blocks of the README"
    assert blocks(notebook_text(ROOT/'nbs/index.ipynb')) == blocks(TEXTS['README'])


@pytest.mark.parametrize('text', TEXTS)
def test_blocks_are_short(text):
    "A block fits its column, on the site and on a terminal"
    for _, block in blocks(TEXTS[text]):
        assert max(map(len, block.splitlines())) <= 90, block


@pytest.fixture(scope='session')
def shims(tmp_path_factory):
    "A folder to be first on the path: the commands, made short"
    folder = tmp_path_factory.mktemp('bin')
    for real in BIN.glob('*-*'):
        if re.fullmatch(r'train-\w+|\w+-fashion', real.name):
            short = SHORT.get(real.name.split('-')[0], '')
            short = SHORT.get(real.name.removesuffix('-fashion'), short)
            (folder/real.name).write_text(SHIM.format(real=real, name=real.name, short=short))
    server = folder/'serve-fashion'                            # the one that is stopped with `kill`
    server.write_text(f'#!/bin/sh\nexec "{BIN}/serve-fashion" "$@"\n')
    (folder/'git').write_text(GIT.format(root=ROOT))
    (folder/'make').write_text(MAKE.format(real=shutil.which('make')))
    for path in folder.iterdir():
        path.chmod(0o755)
    return folder


@pytest.fixture(scope='session')
def material(tmp_path_factory):
    "What a reader has: photographs in folders, a spreadsheet, an archive, a model of the demonstration"
    folder = tmp_path_factory.mktemp('material')
    drawn = folder/'demo/garments'
    make_garments(drawn, seed=1, n_train=60, n_val=12, n_test=12, n_views=4, size=64, show=False)
    sort_photographs(drawn, folder/'photographs')
    write_catalogue(drawn, folder/'catalogue.csv')
    shutil.copy(next((drawn/'img').rglob('*.jpg')), folder/'my_dress.jpg')
    write_archive(folder)
    return folder


def sort_photographs(drawn, to):
    "The labelled photographs, a folder for each category"
    for split in ('train', 'val', 'test'):
        table = read_labels(drawn/'img', drawn/'annotations', split)
        for path, category in zip(table.df['path'], table.df['category']):
            place = to/table.categories[category]/path.replace('/', '_')
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(drawn/'img'/path, place)


def write_catalogue(drawn, path):
    "The photographs with items, as a shop's spreadsheet"
    table = read_partition(drawn/'img', drawn/'annotations/list_eval_partition.txt').df
    with path.open('w', newline='') as f:
        rows = csv.writer(f)
        rows.writerow(['image', 'category', 'item_id', 'material', 'pattern'])
        for i, (image, item) in enumerate(zip(table['path'], table['item'])):
            category = image.split('/')[1]
            material = ('cotton', 'wool')[i % 2]
            rows.writerow([f'demo/garments/img/{image}', category, item, material, 'striped'])


def write_archive(folder):
    "DeepFashion's archive, as its tutorial writes it"
    code = [cell.source for cell in read_nb(ROOT/'nbs/tutorials/03_deepfashion.ipynb').cells
            if cell.cell_type == 'code']
    end = next(i for i, source in enumerate(code) if 'run_command(' in source)
    place = folder/'archive_is_made_here'
    place.mkdir()
    made = re.sub(r'^os\.chdir\(.*\)$', '', '\n'.join(code[:end]), flags=re.M)
    made = re.sub(r'^(#\||%).*$', '', made, flags=re.M)
    subprocess.run([sys.executable, '-c', made], cwd=place, check=True, capture_output=True)
    (place/'archive').rename(folder/'DeepFashion')


@pytest.fixture(scope='session')
def weights(tmp_path_factory):
    "Where torchvision finds the weights that it has fetched before: random ones"
    import torch
    import torchvision.models as models
    home = tmp_path_factory.mktemp('torch')
    known = models.get_model_weights('resnet18').DEFAULT
    place = home/'hub/checkpoints'/known.url.split('/')[-1]
    place.parent.mkdir(parents=True)
    torch.save(models.resnet18().state_dict(), place)
    return home


@pytest.mark.parametrize('text', TEXTS)
def test_blocks(text, shims, material, weights, tmp_path):
    "All blocks of a text, one after the other, in one folder"
    for source in material.iterdir():
        (tmp_path/source.name).symlink_to(source)
    for name in ('Makefile', 'settings.ini', 'setup.py', 'requirements.txt'):
        shutil.copy(ROOT/name, tmp_path)                       # later blocks begin in the clone
    (tmp_path/'demo').unlink()
    shutil.copytree(material/'demo', tmp_path/'demo', symlinks=True)
    failed = tmp_path/'failed'
    env = os.environ | dict(PATH=f'{shims}:{BIN}:{os.environ["PATH"]}', TORCH_HOME=str(weights),
                            FAILED=str(failed), OMP_NUM_THREADS='1')
    data = 'demo/garments'
    train = f'train-multimodal --img-dir {data}/img --anno-dir {data}/annotations --output-dir demo --quiet'
    subprocess.run(train, shell=True, cwd=tmp_path, env=env, check=True)
    for language, block in blocks(TEXTS[text]):
        program = ['bash', '-c'] if language == 'sh' else [sys.executable, '-c']
        done = subprocess.run([*program, block], cwd=tmp_path, env=env, capture_output=True, text=True)
        shutil.rmtree(tmp_path/'fashion_nbdev', ignore_errors=True) # a reader is inside it
        said = f'{block}\n{done.stdout[-600:]}\n{done.stderr[-900:]}'
        assert not failed.exists(), f'{failed.read_text()}\n{said}'
        last = block.replace('\\\n', ' ').splitlines()[-1]     # findings are no failure
        assert done.returncode == 0 or last.startswith('check-fashion'), f'{block}\n{done.stderr}'
