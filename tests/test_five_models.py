"""Installed commands from end to end: garments, five models trained and evaluated, the same figures twice.

Each command is a process of its own, forked from one that has already imported torch and its like: that takes
longer than the work here. `test_howtos` runs commands that import everything themselves."""
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest
import torch

BIN = Path(sys.executable).parent
GARMENTS = '--seed 11 --n-train 24 --n-val 10 --n-test 10 --n-views 4 --size 48 --quiet'
SMALL = '--body resnet18 --size 32 --epochs 2 --batch-size 24 --lr 2e-3 --seed 7 --quiet'
CATEGORY = ['category_accuracy', 'category_macro_f1', 'category_top3', 'category_top5', 'category_ece',
            'category_ece_raw']
ATTRIBUTES = ['attribute_hamming', 'attribute_micro_f1', 'attribute_macro_f1', 'attribute_map',
              'attribute_constant_micro_f1', 'group_accuracy', 'group_class_accuracy',
              'attribute_ece', 'attribute_ece_raw']
RETRIEVAL = ['hit_rate_at_1', 'hit_rate_at_5', 'hit_rate_at_10', 'hit_rate_at_20', 'map_at_r']
TASKS = dict(classification=CATEGORY, attribute=ATTRIBUTES, retrieval=RETRIEVAL,
             multitask=CATEGORY+ATTRIBUTES, multimodal=CATEGORY+ATTRIBUTES+RETRIEVAL)


SERVER = """
import json, os, runpy, sys
import accelerate, cv2, matplotlib.pyplot, pandas, pytorch_metric_learning.losses
import sklearn.linear_model, sklearn.manifold, torch, torchvision
for line in sys.stdin:
    words, out, err = json.loads(line)
    process = os.fork()
    if not process:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
else:
    sys.exit()
write = os.O_WRONLY | os.O_CREAT
for number, name, how in ((0, os.devnull, os.O_RDONLY), (1, out, write), (2, err, write)):
    os.dup2(os.open(name, how), number)
sys.argv = words
runpy.run_path(words[0], run_name='__main__')
"""


@cache
def server():
    "The process from which commands are forked; it ends with the tests"
    environment = os.environ | dict(OMP_NUM_THREADS='1')
    piped = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return subprocess.Popen([sys.executable, '-P', '-c', SERVER], **piped, env=environment)


def fork(*words):
    "Run the installed script `words[0]` in a fork of the server; what came of it"
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder)/'out', Path(folder)/'err'
        print(json.dumps([words, str(out), str(err)]), file=server().stdin, flush=True)
        code = int(server().stdout.readline())
        return subprocess.CompletedProcess(words, code, out.read_text(), err.read_text())


def run(command, code=0):
    "Run an installed command, which has to leave with `code`"
    name, *words = command.split()
    done = fork(str(BIN/name), *words)
    assert done.returncode==code, f'{command}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}'
    assert 'Traceback' not in done.stderr
    return done


@pytest.fixture(scope='module')
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp('shop')
    run(f'prepare-fashion garments --output-dir {folder}/data {GARMENTS}')
    return folder


def paths(folder, task):
    "The flags that say where photographs and labels are"
    images = f'{folder}/data/img'
    labels = f'{folder}/data/annotations'
    partition = f'{labels}/list_eval_partition.txt'
    if task=='multimodal':
        return (f'--attr-img-dir {images} --attr-anno-dir {labels} '
                f'--retr-img-dir {images} --retr-anno-path {partition}')
    annotations = f'--anno-path {partition}' if task=='retrieval' else f'--anno-dir {labels}'
    return f'--img-dir {images} {annotations}'


def trained(folder, task, name):
    "Train `task` with its results in the folder `name`; the checkpoint"
    run(f'train-{task} {paths(folder, task)} --output-dir {folder}/{name} --cache {folder}/cache {SMALL}')
    return folder/name/f'best_{task}_model.pth'


def figures(folder, task, checkpoint, name):
    "Evaluate `checkpoint` with results in the folder `name`; its metrics"
    run(f'eval-fashion --task {task} {paths(folder, task)} --checkpoint {checkpoint} '
        f'--output-dir {folder}/{name} --quiet')
    return json.loads((folder/name/'metrics.json').read_text())


def files(folder):
    "Path -> bytes of the photographs and lists in `folder`"
    found = [path for path in sorted(folder.rglob('*')) if path.suffix in ('.jpg', '.txt')]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize('task', TASKS)
def test_task(shop, task):
    "Each task trains, and has the same figures whenever it is asked"
    checkpoint = trained(shop, task, 'out')
    ck = torch.load(checkpoint, weights_only=True)
    assert ck['task']==task
    assert ck['body']=='resnet18'
    metrics = figures(shop, task, checkpoint, f'eval_{task}')
    assert list(metrics)==TASKS[task]
    assert all(isinstance(value, float) and 0 <= value <= 1 for value in metrics.values())
    assert figures(shop, task, checkpoint, f'again_{task}')==metrics


@pytest.mark.parametrize('task', TASKS)
def test_wrong_task(shop, task):
    "A checkpoint of another task is refused in a line"
    checkpoint = shop/'out'/f'best_{task}_model.pth'
    if not checkpoint.exists():
        trained(shop, task, 'out')
    other = 'retrieval' if task=='attribute' else 'attribute'
    done = run(f'eval-fashion --task {other} {paths(shop, task)} --checkpoint {checkpoint}', code=2)
    assert done.stderr.count('\n')==1
    assert f'checkpoint of task {task}' in done.stderr


def test_same_seed(shop):
    "One seed, one model"
    one, two = (torch.load(trained(shop, 'multimodal', name), weights_only=True) for name in ('one', 'two'))
    assert one['metrics']==two['metrics']
    for name, weights in one['state'].items():
        assert torch.equal(weights, two['state'][name]), name


def test_same_bytes(shop, tmp_path):
    "One seed, one collection of garments"
    run(f'prepare-fashion garments --output-dir {tmp_path} {GARMENTS}')
    assert files(tmp_path)==files(shop/'data')


def test_predict(shop):
    "A photograph is given one of the checkpoint's categories"
    checkpoint = shop/'out'/'best_multimodal_model.pth'
    if not checkpoint.exists():
        trained(shop, 'multimodal', 'out')
    photograph = next((shop/'data'/'img').rglob('*.jpg'))
    done = run(f'predict-fashion {photograph} --checkpoint {checkpoint} --format jsonl')
    assert json.loads(done.stdout)['category'] in torch.load(checkpoint, weights_only=True)['classes']
    for wrong in ('--batch-size 0', '--batch-size -3', '--sheet tags.exe'):
        refused = run(f'predict-fashion {photograph} --checkpoint {checkpoint} {wrong}', code=2)
        assert refused.stderr.count('\n')==1
