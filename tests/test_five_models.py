"The installed commands from end to end: garments drawn, five models trained and evaluated, the same figures twice"
import json, os, subprocess, sys
from pathlib import Path
import pytest
import torch

bin = Path(sys.executable).parent
small = '--body resnet18 --size 32 --epochs 2 --batch-size 24 --lr 2e-3 --seed 7 --quiet'
keys = dict(category='category_accuracy category_macro_f1 category_top3 category_top5',
            attribute='attribute_hamming attribute_micro_f1 attribute_macro_f1 attribute_map attribute_constant_micro_f1',
            retrieval='hit_rate_at_1 hit_rate_at_5 hit_rate_at_10 hit_rate_at_20 map_at_r')
tasks = dict(classification=['category'], attribute=['attribute'], retrieval=['retrieval'], multitask=['category', 'attribute'], multimodal=list(keys))

def run(command, code=0):
    words = command.split()
    r = subprocess.run([bin/words[0], *words[1:]], capture_output=True, text=True, env=os.environ | dict(OMP_NUM_THREADS='2'))
    assert r.returncode==code, f'{command}\n{r.stdout[-1500:]}\n{r.stderr[-1500:]}'
    assert 'Traceback' not in r.stderr
    return r

@pytest.fixture(scope='module')
def shop(tmp_path_factory):
    d = tmp_path_factory.mktemp('shop')
    run(f'prepare-fashion garments --output-dir {d}/data --seed 11 --n-train 24 --n-val 10 --n-test 10 --n-views 4 --size 48 --quiet')
    return d

def paths(d, task):
    if task=='multimodal':
        return f'--attr-img-dir {d}/data/img --attr-anno-dir {d}/data/annotations --retr-img-dir {d}/data/img --retr-anno-path {d}/data/annotations/list_eval_partition.txt'
    return f'--img-dir {d}/data/img ' + (f'--anno-path {d}/data/annotations/list_eval_partition.txt' if task=='retrieval' else f'--anno-dir {d}/data/annotations')

def trained(d, task, name):
    run(f'train-{task} {paths(d, task)} --output-dir {d}/{name} --cache {d}/cache {small}')
    return d/name/f'best_{task}_model.pth'

def figures(d, task, checkpoint, name):
    run(f'eval-fashion --task {task} {paths(d, task)} --checkpoint {checkpoint} --output-dir {d}/{name} --quiet')
    return json.loads((d/name/'metrics.json').read_text())

@pytest.mark.parametrize('task', tasks)
def test_task(shop, task):
    checkpoint = trained(shop, task, 'out')
    ck = torch.load(checkpoint, weights_only=True)
    assert ck['task']==task and ck['body']=='resnet18'
    m = figures(shop, task, checkpoint, f'eval_{task}')
    assert list(m) == ' '.join(keys[k] for k in tasks[task]).split()
    assert all(isinstance(v, float) and 0 <= v <= 1 for v in m.values())
    assert figures(shop, task, checkpoint, f'again_{task}')==m                    # the same checkpoint, the same figures
    r = run(f'eval-fashion --task {"attribute" if task!="attribute" else "retrieval"} {paths(shop, task)} --checkpoint {checkpoint}', code=2)
    assert r.stderr.count('\n')==1 and f'checkpoint of task {task}' in r.stderr

def test_same_seed(shop):
    a, b = (torch.load(trained(shop, 'multimodal', n), weights_only=True) for n in ('one', 'two'))
    assert all(torch.equal(a['state'][k], b['state'][k]) for k in a['state']) and a['metrics']==b['metrics']

def test_same_bytes(shop, tmp_path):
    run(f'prepare-fashion garments --output-dir {tmp_path} --seed 11 --n-train 24 --n-val 10 --n-test 10 --n-views 4 --size 48 --quiet')
    files = lambda d: {p.relative_to(d).as_posix(): p.read_bytes() for p in sorted(d.rglob('*')) if p.suffix in ('.jpg', '.txt')}
    assert files(tmp_path)==files(shop/'data')

def test_predict(shop):
    checkpoint = shop/'out'/'best_multimodal_model.pth'
    if not checkpoint.exists():
        checkpoint = trained(shop, 'multimodal', 'out')
    photo = next((shop/'data'/'img').rglob('*.jpg'))
    r = run(f'predict-fashion {photo} --checkpoint {checkpoint} --format jsonl')
    assert json.loads(r.stdout)['category'] in torch.load(checkpoint, weights_only=True)['classes']
