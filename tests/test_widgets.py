"The explorers in JupyterLab: a notebook is run in a browser, cards are clicked, and the page changes"
import json, os, re, secrets, signal, socket, subprocess, sys, time
from importlib.util import find_spec
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest
from browsing import chromium

able = chromium and find_spec('jupyterlab')
pytestmark = pytest.mark.skipif(not able, reason='no Chromium here, or no JupyterLab')

CELLS = '''
import torch
from fashion_nbdev.data.labels import read_labels, read_partition
from fashion_nbdev.garments.collection import make_garments
from fashion_nbdev.learning.checkpoints import pack
from fashion_nbdev.learning.heads import Embedding
from fashion_nbdev.learning.attribute_head import Attributes
from fashion_nbdev.learning.category_head import Category
from fashion_nbdev.learning.models import FashionNet
from fashion_nbdev.looking.data_explorer import DataExplorer, join_tables
from fashion_nbdev.looking.prediction_explorer import PredictionExplorer
from fashion_nbdev.looking.similar_explorer import SimilarExplorer
from fashion_nbdev.pixels.preprocess import preprocessing
from fashion_nbdev.using.gallery import Gallery
from fashion_nbdev.using.indexing import index_photographs
from fashion_nbdev.using.predict import FashionPredictor
make_garments('shop', seed=3, n_train=10, n_val=2, n_test=8, n_views=3, n_query=1,
              size=96, workers=1, show=False)
labels = [read_labels('shop/img', 'shop/annotations', s) for s in ('train', 'val', 'test')]
table = join_tables(*labels, read_partition('shop/img', 'shop/annotations'))
data = DataExplorer(table, n=6)
data
---
torch.manual_seed(0)
heads = dict(category=Category(table.categories),
             attributes=Attributes(table.attributes, [.5]*len(table.attributes)),
             embedding=Embedding(256))
net = FashionNet(heads.values(), body='resnet18', hidden=32)
checkpoint = pack(net, 'multimodal', preprocessing(48), heads)
predictor = FashionPredictor(checkpoint)
predictions = PredictionExplorer(predictor, labels[0], n=6)
predictions
---
gallery = Gallery('gallery', predictor.model_id, predictor.embedding_size, predictor.attributes)
index_photographs(gallery, predictor, table, show=False)
similar = SimilarExplorer(gallery, predictor, n=6)
similar
'''

def notebook(path):
    "Write the notebook that is opened"
    cells = [nbformat.v4.new_code_cell(s.strip()) for s in CELLS.split('---')]
    kernel = dict(name='python3', display_name='Python 3', language='python')
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=dict(kernelspec=kernel)), path)

def address(process, runtime):
    "Where the server shows the notebook; it writes down where it is when it is ready"
    for _ in range(600):
        assert process.poll() is None, 'JupyterLab ended at once'
        for f in runtime.glob('jpserver-*.json'):
            try:
                at = json.loads(f.read_text())
                urlopen(f"{at['url']}api", timeout=2).close()
                return f"{at['url']}lab/tree/explorers.ipynb?token={at['token']}"
            except (ValueError, URLError, OSError):
                pass
        time.sleep(.1)
    raise TimeoutError('JupyterLab does not answer')

@pytest.fixture(scope='module')
def lab(tmp_path_factory):
    "The address of the notebook in a JupyterLab with settings of its own"
    root, own = tmp_path_factory.mktemp('notebooks'), tmp_path_factory.mktemp('jupyter')
    notebook(root/'explorers.ipynb')
    names = ['JUPYTER_CONFIG_DIR', 'JUPYTER_DATA_DIR', 'JUPYTER_RUNTIME_DIR',
             'JUPYTERLAB_SETTINGS_DIR', 'JUPYTERLAB_WORKSPACES_DIR', 'IPYTHONDIR']
    everywhere = dict(windowingMode='none')                     # cells out of sight are on the page too
    silent = dict(disabledExtensions={'@jupyterlab/apputils-extension:announcements': True})
    settings = {
        'JUPYTERLAB_SETTINGS_DIR/@jupyterlab/notebook-extension/tracker.jupyterlab-settings': everywhere,
        'JUPYTER_CONFIG_DIR/labconfig/page_config.json': silent}
    for name, value in settings.items():
        (own/name).parent.mkdir(parents=True)
        (own/name).write_text(json.dumps(value))
    env = os.environ | {name: str(own/name) for name in names} | dict(OMP_NUM_THREADS='1', IN_TEST='1')
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    cmd = [sys.executable, '-m', 'jupyterlab', '--no-browser', '--allow-root', '--ip=127.0.0.1',
           f'--port={port}', f'--ServerApp.root_dir={root}',
           f'--IdentityProvider.token={secrets.token_hex()}']
    with open(own/'log', 'w') as log:
        process = subprocess.Popen(cmd, cwd=root, env=env, stdout=log, stderr=log)
    try:
        yield address(process, own/'JUPYTER_RUNTIME_DIR')
    except BaseException:
        print((own/'log').read_text()[-3000:])
        raise
    finally:
        process.send_signal(signal.SIGTERM)                    # it ends its kernels first
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()

@pytest.fixture(scope='module')
def page(lab):
    "The notebook in a browser, its cells run"
    from playwright.sync_api import sync_playwright
    args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-background-networking',
            '--disable-component-update', '--disable-sync', '--no-first-run']
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=args)
        t = browser.new_page(viewport=dict(width=1280, height=900))
        t.route(re.compile('^https?://(?!127)'), lambda r: r.abort())      # nothing from elsewhere
        t.wrong = []
        t.on('pageerror', lambda e: t.wrong.append(str(e)))
        t.set_default_timeout(60_000)
        t.goto(lab)
        t.get_by_text('Python 3 (ipykernel) | Idle').wait_for()
        t.locator('.jp-SideBar [data-id=filebrowser]').click()                # away with the list of files
        t.locator('.lm-MenuBar-itemLabel', has_text=re.compile('^Run$')).click()
        t.locator('.lm-Menu-itemLabel', has_text=re.compile('^Run All Cells$')).click()
        t.wait_for_function("""() => document.querySelectorAll('.fashion-explorer').length==3
            || document.querySelector("[data-mime-type='application/vnd.jupyter.error']")""")
        assert t.locator('.fashion-explorer').count()==3, t.locator('.jp-OutputArea').all_inner_texts()
        yield t
        browser.close()

def pictures(explorer):
    "The pictures that `explorer` shows, as the browser names them: another picture, another name"
    return explorer.locator('.fashion-card img').evaluate_all('o => o.map(i => i.src)')

def changes(page, explorer, act):
    "Do `act`, and wait until the large picture of `explorer` is another"
    img = explorer.locator('img.fashion-picture')
    before = img.get_attribute('src')
    act()
    other = '([img, before]) => img.src && img.src!=before && img.complete && img.naturalWidth'
    page.wait_for_function(other, arg=[img.element_handle(), before])

def test_data(page):
    "A click on a card shows it, also from the keyboard; a filter changes the cards"
    ex = page.locator('.fashion-explorer').nth(0)
    assert ex.locator('.fashion-cards').nth(1).locator('button').count()==6    # the first are its views
    cards = ex.locator('.fashion-cards').nth(1).locator('button')
    card = cards.nth(2)
    changes(page, ex, card.click)
    name = card.inner_text().split('\n')
    ex.locator('h4', has_text=name[0]).wait_for()
    ex.locator('dd', has_text=name[1]).first.wait_for()                    # its item
    assert ex.locator('.fashion-chosen').count()==2                        # there, and among its views
    def press():
        cards.nth(4).focus()
        page.keyboard.press('Space')
    changes(page, ex, press)
    before = pictures(ex)
    ex.locator('select').first.select_option(index=3)                      # a split
    page.wait_for_function("""([ex, before]) =>
        [...ex.querySelectorAll('.fashion-card img')].map(i => i.src).join() != before""",
        arg=[ex.element_handle(), ','.join(before)])
    ex.get_by_text(re.compile(r'^8 items of 60 photographs$')).wait_for()
    ex.locator('select').first.select_option(label='any split')
    ex.get_by_text(re.compile(r'^24 items of 60 photographs$')).wait_for()
    assert not page.wrong

def test_predictions(page, tmp_path):
    "The threshold is moved from the keyboard; a photograph is uploaded, twice, and a file that is none"
    from PIL import Image
    ex = page.locator('.fashion-explorer').nth(1)
    before = ex.locator('dl').inner_text()
    curve = ex.locator('img.fashion-curve').get_attribute('src')
    ex.locator('[role=slider]').focus()
    for _ in range(20):
        page.keyboard.press('ArrowRight')
    page.wait_for_function("""([ex, before, curve]) => ex.querySelector('dl').innerText != before
        && ex.querySelector('img.fashion-curve').src != curve""", arg=[ex.element_handle(), before, curve])
    Image.new('RGB', (300, 400), 'teal').save(tmp_path/'teal.jpg')
    (tmp_path/'notes.txt').write_text('to do: buy milk')
    def upload(name):
        with page.expect_file_chooser() as chooser:
            ex.get_by_role('button', name='your photograph').click()
        chooser.value.set_files(tmp_path/name)
    changes(page, ex, lambda: upload('teal.jpg'))
    ex.get_by_text('teal.jpg').wait_for()
    changes(page, ex, ex.locator('.fashion-cards button').nth(1).click)
    changes(page, ex, lambda: upload('teal.jpg'))
    upload('notes.txt')
    ex.get_by_role('alert').get_by_text('notes.txt: not a readable photograph').wait_for()
    assert not page.wrong

def test_similar(page):
    "A result that is clicked becomes the query; `back` returns"
    ex = page.locator('.fashion-explorer').nth(2)
    title = ex.locator('h4')
    cards = ex.locator('.fashion-cards button')
    back = ex.get_by_role('button', name='back')
    assert back.is_disabled()
    changes(page, ex, cards.nth(3).click)
    ex.get_by_text(re.compile(r'^The \d+ nearest, of 60 photographs$')).wait_for()
    first = ex.locator('dl').inner_text()
    changes(page, ex, cards.nth(2).click)
    shown = [ex.element_handle(), first]
    page.wait_for_function('([ex, first]) => ex.querySelector("dl").innerText != first', arg=shown)
    changes(page, ex, back.click)
    page.wait_for_function('([ex, first]) => ex.querySelector("dl").innerText == first', arg=shown)
    assert title.inner_text() and not page.wrong

@pytest.mark.parametrize('width', [1280, 390], ids=['desktop', 'phone'])
def test_fits(page, width):
    "Nothing sticks out, and no card is too narrow to read"
    page.set_viewport_size(dict(width=width, height=844))
    for i in range(3):
        ex = page.locator('.fashion-explorer').nth(i)
        ex.scroll_into_view_if_needed()
        inside = """ex => [...ex.querySelectorAll('*')].every(
            o => o.getBoundingClientRect().right <= ex.getBoundingClientRect().right+1)"""
        page.wait_for_function(inside, arg=ex.element_handle())
        cards = ex.locator('.fashion-card')
        widths = cards.evaluate_all('o => o.filter(c => c.offsetParent).map(c => c.offsetWidth)')
        assert widths and min(widths) >= 80, widths
