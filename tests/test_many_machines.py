"Workers of a cluster say what one process says, to the last digit, whoever of them is killed"
import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from threading import Thread

import numpy as np
import psutil
import pytest
from PIL import Image

from fashion_nbdev.commands.flags import call_command, printed
from fashion_nbdev.commands.searching import index_fashion
from fashion_nbdev.commands.using import predict_fashion
from fashion_nbdev.core import DataError, set_seed
from fashion_nbdev.learning.attribute_head import Attributes
from fashion_nbdev.learning.category_head import Category
from fashion_nbdev.learning.checkpoints import pack, save_file
from fashion_nbdev.learning.heads import Embedding
from fashion_nbdev.learning.models import FashionNet
from fashion_nbdev.pixels.preprocess import preprocessing
from fashion_nbdev.using.clusters import choose_workers, ray_cluster
from fashion_nbdev.using.gallery import Gallery
from fashion_nbdev.using.many_machines import index_on_cluster, look_for_gallery, worker_plan
from fashion_nbdev.using.parts import read_parts
from fashion_nbdev.using.predict import FashionPredictor

pytestmark = pytest.mark.skipif(not find_spec('ray'), reason='ray is not installed')
N = 150     # photographs, in parts of 16: two a batch, so that the last digit shows how they are composed
BS = 2

SLOW = """
import sys, time
from fashion_nbdev.using.clusters import choose_workers, ray_cluster
from fashion_nbdev.using.gallery import Gallery
from fashion_nbdev.using.many_machines import index_on_cluster, look_for_gallery, worker_plan
from fashion_nbdev.using.predict import FashionPredictor

def look(predictor, rows):
    time.sleep(.7)
    return look_for_gallery(predictor, rows, 2)

address, checkpoint, path, photographs = sys.argv[1:]
predictor = FashionPredictor.load(checkpoint, cpu=True)
with ray_cluster(address) as ray:
    gallery = Gallery(path, predictor.model_id, predictor.embedding_size, predictor.attributes)
    plan = worker_plan(predictor, checkpoint, look, dict(cpu=True))
    index_on_cluster(gallery, photographs, plan, choose_workers(ray.cluster_resources()), 2, show=False)
"""


def save_model(path, seed):
    "A small model that has learned nothing"
    set_seed(seed)
    attributes = Attributes(['striped', 'floral'], [.4, .5])
    heads = dict(category=Category(['Dress', 'Tee', 'Coat']), attributes=attributes, embedding=Embedding(16))
    net = FashionNet(heads.values(), 'resnet9').eval()
    save_file(path, pack(net, 'multimodal', preprocessing(32), heads))


def draw(folder):
    "Photographs of coloured blocks, one of them broken"
    rng = np.random.default_rng(0)
    folder.mkdir()
    for i in range(N):
        blocks = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((48, 48)).save(folder/f'{i:03}.jpg', quality=80)
    (folder/'005.jpg').write_bytes(b'no photograph')


@pytest.fixture(scope='module')
def shop(tmp_path_factory):
    "A folder with `model.pth`, `other.pth`, photographs in `img`, and the gallery `alone` of one process"
    d = tmp_path_factory.mktemp('shop')
    save_model(d/'model.pth', 0)
    save_model(d/'other.pth', 1)
    draw(d/'img')
    with ray_cluster('local', workers=2) as ray:
        printed(index_fashion, f'--gallery {d}/alone {flags(d)}')
        yield d, ray


def flags(d):
    return f'--checkpoint {d}/model.pth --photos {d}/img --batch-size {BS} --cpu --quiet'


def content(path):
    "All rows of a gallery, embeddings as bytes"
    df = Gallery(path).list(embedding=True)
    return df.assign(embedding=[emb.tobytes() for emb in df['embedding']]).to_dict('records')


def test_gallery(shop):
    "The same gallery, the same report, and nothing to do the second time but the broken one"
    d, _ = shop
    code, out, errors = call_command(index_fashion, f'--gallery {d}/ray {flags(d)} --ray local --workers 2')
    assert code==0 and out.startswith(f'{N-1} added, 0 updated, 0 skipped, 1 unreadable'), out
    assert '005.jpg' in errors and len(errors.splitlines())==1
    assert content(d/'ray')==content(d/'alone')
    again = printed(index_fashion, f'--gallery {d}/ray {flags(d)} --ray local')
    assert again.startswith(f'0 added, 0 updated, {N-1} skipped, 1 unreadable')


def rows_inside(path):
    try:
        return len(Gallery(path))
    except DataError:
        return 0


def kill_worker(path, killed):
    "Kill a worker of this process's cluster when something is in the gallery"
    while not rows_inside(path):
        time.sleep(.05)
    for child in psutil.Process().children(recursive=True):
        if 'Looker' in ' '.join(child.cmdline()):
            child.kill()
            killed.append(child.pid)
            return


def test_killed_worker(shop):
    "A worker that is killed costs no row and doubles none"
    d, ray = shop
    predictor = FashionPredictor.load(d/'model.pth', cpu=True)

    def look(predictor, rows):
        time.sleep(.3)
        return look_for_gallery(predictor, rows, BS)

    plan = worker_plan(predictor, d/'model.pth', look, dict(cpu=True))
    gallery = Gallery(d/'killed', predictor.model_id, predictor.embedding_size, predictor.attributes)
    killed = []
    killer = Thread(target=kill_worker, args=(d/'killed', killed))
    killer.start()
    places = choose_workers(ray.cluster_resources())
    report = index_on_cluster(gallery, d/'img', plan, places, BS, show=False)
    killer.join()
    assert killed
    assert (report['added'], report['updated'], report['unreadable'])==(N-1, 0, 1)
    assert content(d/'killed')==content(d/'alone')


def test_killed_driver(shop):
    "What was done before the process was killed is not done again, and the end is the same"
    d, ray = shop
    address = ray.get_runtime_context().gcs_address
    words = [sys.executable, '-c', SLOW, address, d/'model.pth', d/'driver', d/'img']
    driver = subprocess.Popen(words)
    table = d/'driver'
    while not rows_inside(table):
        assert driver.poll() is None
        time.sleep(.05)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    before = len(Gallery(table))
    assert 0 < before < N-1
    out = printed(index_fashion, f'--gallery {table} {flags(d)} --ray local')
    assert out.startswith(f'{N-1-before} added, 0 updated, {before} skipped, 1 unreadable'), out
    assert content(table)==content(d/'alone')


def test_predictions(shop):
    "Parts hold the rows of one process; they are made once, and not mixed with another model's"
    d, _ = shop
    tags = f'{d}/img --batch-size {BS} --cpu --quiet --embeddings --wide'
    one = f'{tags} --checkpoint {d}/model.pth'
    printed(predict_fashion, f'{one} --format jsonl --output {d}/rows.jsonl')
    expected = [json.loads(line) for line in (d/'rows.jsonl').read_text().splitlines()]
    out = printed(predict_fashion, f'{one} --ray local --output {d}/parts')
    assert out.startswith(f'{N} written, 0 skipped, 1 unreadable')
    assert read_parts(d/'parts')==expected
    (d/'parts/part-000003.parquet').unlink()
    out = printed(predict_fashion, f'{one} --ray local --output {d}/parts')
    assert out.startswith(f'{8*BS} written, {N-8*BS} skipped, 0 unreadable')
    assert read_parts(d/'parts')==expected
    code, _, errors = call_command(predict_fashion, f'{tags} --checkpoint {d}/other.pth --ray local '
                                                    f'--output {d}/parts')
    assert code==2 and errors.count('\n')==1 and 'of another model' in errors
