"The server in a process of its own: its answers, its refusals, its end, and its page in a browser"
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from fashion_nbdev.core import set_seed
from fashion_nbdev.data.groups import Group
from fashion_nbdev.garments.garment import random_garment
from fashion_nbdev.garments.photographs import draw_garment
from fashion_nbdev.learning.attribute_head import Attributes
from fashion_nbdev.learning.category_head import Category
from fashion_nbdev.learning.checkpoints import pack, save_file
from fashion_nbdev.learning.heads import Embedding
from fashion_nbdev.learning.models import FashionNet
from fashion_nbdev.pictures import save_image
from fashion_nbdev.pixels.augment import prepare_image
from fashion_nbdev.pixels.preprocess import preprocessing
from fashion_nbdev.using.gallery import Gallery
from fashion_nbdev.using.indexing import index_photographs
from fashion_nbdev.using.predict import FashionPredictor
from fashion_nbdev.using.rows import as_row

httpx = pytest.importorskip('httpx')
NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')
chromium = next(filter(None, map(shutil.which, NAMES)), None)
able = chromium and find_spec('playwright')
browsing = pytest.mark.skipif(not able, reason='no Chromium here, or no Playwright')
COMMAND = 'from fashion_nbdev.commands.serving import serve_fashion; serve_fashion()'
KINDS = ['Dress', 'Tee', 'Coat', 'Jeans']


@torch.no_grad()
def memorise(net, x, **answers):
    "Linear heads that are right for the photographs `x`, by least squares on the features of the body"
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None                             # the mean of what it sees
    net.train()(x)
    features = net.eval().pooled(x)
    for name, right in answers.items():
        head = net.heads[name]
        head.correction[-1].weight.zero_()
        head.correction[-1].bias.zero_()
        head.linear.weight.copy_(torch.linalg.lstsq(features, 6*right-3).solution.T)
        head.linear.bias.zero_()


def make_shop(root):
    "Photographs, and a model that knows them by heart"
    gen = np.random.default_rng(0)
    photos = [root/f'{part}/{i:02}.jpg' for part in ('shop', 'new') for i in range(16)]
    for i, path in enumerate(photos):
        save_image(draw_garment(random_garment(gen, KINDS[i % 4]), None, 128), path)
    set_seed(0)
    attributes = Attributes(['sleeve: long', 'sleeve: short', 'sleeve: none', 'striped', 'floral', 'belted'],
                            [.5]*6, groups=[Group('sleeve', [0, 1, 2], True)])
    heads = dict(category=Category(KINDS), attributes=attributes, embedding=Embedding(16))
    pre = preprocessing(32)
    net = FashionNet(heads.values(), 'resnet9')
    kinds = torch.arange(len(photos)) % 4
    sleeves = torch.tensor([[0, 1, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]])[kinds]
    tags = torch.from_numpy(gen.random((len(photos), 3)) < .4)
    memorise(net, prepare_image(photos, pre), category=torch.eye(4)[kinds],
             attributes=torch.cat([sleeves, tags], 1).float())
    save_file(root/'model.pth', pack(net, 'multimodal', pre, heads))


class Server:
    "A process, and a client of it"
    def __init__(self, root, *flags):
        words = [sys.executable, '-c', COMMAND, '--checkpoint', str(root/'model.pth'), '--port', '0', '--cpu']
        self.process = subprocess.Popen([*words, *flags], stdout=subprocess.PIPE, text=True)
        said = self.process.stdout.readline()
        assert said.startswith('serving on http://127.0.0.1:'), said
        self.address = said.split()[2]
        self.client = httpx.Client(base_url=self.address, timeout=120)

    def end(self, how=signal.SIGTERM):
        "Its exit code"
        self.process.send_signal(how)
        self.client.close()
        return self.process.wait(120)


@pytest.fixture(scope='module')
def shop(tmp_path_factory):
    "A gallery of sixteen photographs, served; clients who know the key may change it"
    root = tmp_path_factory.mktemp('shop')
    make_shop(root)
    predictor = FashionPredictor.load(root/'model.pth', cpu=True)
    gallery = Gallery(root/'gallery', predictor.model_id, 16, predictor.attributes)
    index_photographs(gallery, predictor, root/'shop', show=False)
    (root/'key').write_text('sesame')
    server = Server(root, '--gallery', str(root/'gallery'), '--writable', '--key-path', str(root/'key'))
    server.root, server.predictor, server.gallery = root, predictor, gallery
    yield server
    assert server.end() == -signal.SIGTERM


def sent(*paths):
    return [('photographs', (path.name, path.read_bytes())) for path in paths]


def test_answers_are_those_of_the_command(shop):
    "To the digit, one at a time and several together"
    photos = sorted((shop.root/'new').iterdir())
    expected = [as_row(path.name, said) for path, said in shop.predictor.stream(photos)]
    expected = json.loads(json.dumps(expected))
    together = shop.client.post('/predict', files=sent(*photos)).json()['photographs']
    assert together == expected
    alone = [shop.client.post('/predict', files=sent(path)).json()['photographs'][0] for path in photos[:4]]
    assert alone == expected[:4]


def test_refusals(shop):
    "Each has its status, and the server goes on"
    whole = (shop.root/'new/00.jpg').read_bytes()
    def status(data, path='/predict', n=1, **kwargs):
        answer = shop.client.post(path, files=[('photographs', ('it.jpg', data))]*n, **kwargs)
        assert '\n' not in answer.json()['detail'] and str(shop.root) not in answer.text
        return answer.status_code
    assert status(whole[:len(whole)//2]) == 422
    assert status(b'%PDF-1.7') == 415
    assert status(b'x'*21_000_000) == 413
    assert status(whole, n=33) == 400
    assert status(whole, '/items') == 401
    assert shop.client.delete('/items?id=00.jpg').status_code == 401
    assert shop.client.get('/health').json()['gallery'] == 16
    assert 'status="415"' in shop.client.get('/metrics').text


def test_begun_is_finished(shop, tmp_path):
    "SIGTERM while photographs are being tagged: they are answered, and then the server is gone"
    server = Server(shop.root)
    photos = sorted((shop.root/'new').iterdir())*2
    with httpx.Client(timeout=120) as client:
        asked = client.build_request('POST', f'{server.address}/predict', files=sent(*photos))
        body = asked.read()
        def slowly():
            yield body[:-10]
            server.process.send_signal(signal.SIGTERM)
            time.sleep(.3)
            yield body[-10:]
        answer = client.post(f'{server.address}/predict', content=slowly(),
                             headers={'Content-Type': asked.headers['Content-Type']})
    assert len(answer.json()['photographs']) == 32
    assert server.process.wait(120) == -signal.SIGTERM


@pytest.fixture(scope='module')
def browser():
    from playwright.sync_api import sync_playwright
    with sync_playwright() as p:
        started = p.chromium.launch(executable_path=chromium, args=['--no-sandbox'])
        yield started
        started.close()


@pytest.fixture(params=[(1440, 900, 'light'), (390, 844, 'dark')], ids=['desk', 'phone'])
def page(browser, shop, request):
    "The page at two widths; errors and requests to elsewhere fail the test"
    width, height, scheme = request.param
    context = browser.new_context(viewport=dict(width=width, height=height), color_scheme=scheme)
    opened = context.new_page()
    opened.set_default_timeout(120_000)
    problems = []
    opened.on('console', lambda said: said.type in ('error', 'warning') and problems.append(said.text))
    opened.on('pageerror', lambda error: problems.append(str(error)))
    here = (shop.address, 'data:', 'blob:')
    opened.on('request', lambda asked: asked.url.startswith(here) or problems.append(asked.url))
    opened.goto(shop.address)
    opened.shown = lambda name: picture(opened, f'{name}-{width}')
    opened.problems = problems
    yield opened
    context.close()
    assert not problems


def picture(page, name):
    "A screenshot, where somebody wants to look at it"
    folder = os.environ.get('SERVE_PICTURES')
    if folder:
        page.screenshot(path=f'{folder}/{name}.png', full_page=True)


def until(page, what):
    "Wait until a line of JavaScript is true; the page itself lets nobody evaluate one"
    for _ in range(600):
        if page.evaluate(what):
            return
        page.wait_for_timeout(100)
    raise AssertionError(what)


def settled(page, text):
    page.locator('#found', has_text=text).wait_for()
    until(page, '[...document.images].every(image => image.complete)')


@browsing
def test_page(page, shop, tmp_path):
    "Photographs go in; what is said is edited; neighbours are filtered and followed; the table is saved"
    page.shown('start')
    new = [str(shop.root/f'new/{i:02}.jpg') for i in range(3)]
    (tmp_path/'=sum(1).jpg').write_bytes((shop.root/'new/03.jpg').read_bytes())
    page.set_input_files('#files', [*new, str(tmp_path/'=sum(1).jpg')])
    page.locator('#progress', has_text='4 photographs').wait_for()
    settled(page, 'Looks most like it')
    expected = [shop.predictor(path) for path in new]
    rows = page.locator('#rows tr')
    assert [rows.nth(i).locator('td').nth(2).inner_text() for i in range(3)] == [o.category for o in expected]
    assert page.locator('#kind').input_value() == expected[0].category
    assert page.locator('#cards .card').count() == 16
    nearest = shop.gallery.search(expected[0].embedding, 16)
    assert page.locator('.card').first.get_attribute('title').split('\n')[0] == nearest['id'][0]
    assert page.evaluate('document.documentElement.scrollWidth <= innerWidth')
    page.shown('open')
    sleeve = page.locator('.questions select')
    sleeve.select_option('sleeve: none')
    page.get_by_label('add a tag').select_option('belted')
    other = next(kind for kind in KINDS if kind != expected[0].category)
    page.locator('#kind').select_option(other)
    assert 'sleeve none' in rows.nth(0).inner_text() and 'belted' in rows.nth(0).inner_text()
    there = nearest['category'].unique()[-1]
    page.locator('#only').select_option(there)
    until(page,
          f"[...document.querySelectorAll('.card span')].every(card => card.innerText.startsWith('{there}'))")
    assert page.locator('.card').count() == (nearest['category'] == there).sum()
    page.locator('#only').select_option('')
    settled(page, 'Looks most like it')
    until(page, "document.querySelectorAll('.card').length === 16")
    page.locator('.card').nth(1).click()
    assert page.locator('#name').inner_text() == nearest['id'][1]
    settled(page, 'Looks most like it')
    page.shown('neighbour')
    page.keyboard.press('Backspace')
    assert page.locator('#name').inner_text() == '00.jpg'
    page.keyboard.press('ArrowDown')
    assert page.locator('#name').inner_text() == '01.jpg'
    with page.expect_download() as waiting:
        page.keyboard.press('s')
    saved = list(csv.DictReader(io.StringIO(waiting.value.path().read_text(encoding='utf-8-sig'))))
    assert [row['photograph'] for row in saved] == ['00.jpg', '01.jpg', '02.jpg', "'=sum(1).jpg"]
    assert (saved[0]['category'], saved[0]['sleeve'], saved[0]['changed by hand']) == (other, 'none', 'yes')
    assert 'belted' in saved[0]['tags'] and saved[1]['category'] == expected[1].category


@browsing
def test_photographs_come_early(page, shop):
    "Before the page knows what is served, they wait for it"
    held = []
    page.route('**/about', lambda route: held.append(route))
    page.reload()
    page.set_input_files('#files', str(shop.root/'new/00.jpg'))
    page.locator('#progress', has_text='0 of 1').wait_for()
    page.wait_for_timeout(300)
    assert '…' in page.locator('#rows').inner_text()
    held[0].continue_()
    settled(page, 'Looks most like it')
    assert page.locator('#kind').input_value() == shop.predictor(shop.root/'new/00.jpg').category


@browsing
def test_asks_again(page, shop):
    "A page whose first question was not answered asks it again when photographs come"
    page.route('**/about', lambda route: route.abort(), times=1)
    page.reload()
    page.locator('#trouble', has_text='does not answer').wait_for()
    page.set_input_files('#files', str(shop.root/'new/00.jpg'))
    settled(page, 'Looks most like it')
    assert page.locator('#trouble').is_hidden()
    page.problems[:] = [said for said in page.problems if 'ERR_FAILED' not in said]


@browsing
def test_page_says_what_is_wrong(page, tmp_path):
    "A file that is no photograph is named, in words; the browser's own line about the status is expected"
    (tmp_path/'prices.pdf').write_bytes(b'%PDF-1.7')
    page.set_input_files('#files', str(tmp_path/'prices.pdf'))
    page.locator('#trouble', has_text='prices.pdf is not a photograph').wait_for()
    page.shown('wrong')
    assert [said for said in page.problems if '415' not in said] == []
    page.problems.clear()


@browsing
def test_page_changes_the_shop(page, shop):
    "The key is asked for once; a photograph is added with what was edited, and removed again"
    page.set_input_files('#files', str(shop.root/'new/08.jpg'))
    page.locator('#add').click()
    page.locator('#key').fill('wrong')
    page.locator('#ask .main').click()
    page.locator('#trouble', has_text='not the key').wait_for()
    page.locator('#add').click()
    page.locator('#key').fill('sesame')
    page.shown('key')
    page.keyboard.press('Enter')
    page.locator('#done', has_text='in the shop now').wait_for()
    assert len(shop.gallery) == 17
    page.locator('#browse').click()
    settled(page, '17 photographs in the shop')
    page.shown('browse')
    page.set_input_files('#files', str(shop.root/'new/08.jpg'))
    settled(page, 'Looks most like it')
    page.locator('.card').first.click()
    page.locator('#remove').click()
    page.locator('#done', has_text='no longer').wait_for()
    assert len(shop.gallery) == 16
    page.problems[:] = [said for said in page.problems if '401' not in said]
