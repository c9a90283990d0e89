"The server in a process of its own: its answers, its refusals, its end, and its page in a browser"
import csv
import io
import json
import signal
import subprocess
import sys
import time

import pytest
from browsing import browsing, come_in, drop, fits, settled, until
from shops import KINDS, draw, open_shop, teach

from fashion_nbdev.using.rows import as_row

httpx = pytest.importorskip('httpx')
COMMAND = 'from fashion_nbdev.commands.serving import serve_fashion; serve_fashion()'


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
    photos, kinds, tags = draw(root/'shop', 16, 0)
    draw(root/'new', 16, 1)
    teach(root/'model.pth', photos, kinds, tags, 40)
    predictor, gallery = open_shop(root, root/'shop')
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
def address(shop):
    return shop.address


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
    assert not page.locator('#unlike').is_visible()
    assert page.locator('#cards .card').count() == 16
    nearest = shop.gallery.search(expected[0].embedding, 16)
    assert page.locator('.card').first.get_attribute('title').split('\n')[0] == nearest['id'][0]
    assert fits(page)
    page.shown('open')
    sleeve = page.locator('.questions select')
    sleeve.select_option('sleeve: none')
    page.get_by_label('add a tag').select_option('leather')
    other = next(kind for kind in KINDS if kind != expected[0].category)
    page.locator('#kind').select_option(other)
    assert 'sleeve none' in rows.nth(0).inner_text() and 'leather' in rows.nth(0).inner_text()
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
    assert 'leather' in saved[0]['tags'] and saved[1]['category'] == expected[1].category


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
def test_unlike(page, shop):
    "A photograph that is unlike all others is said to be so"
    page.evaluate("""() => {
      const ask = window.fetch
      window.fetch = async (...words) => {
        const answer = await ask(...words)
        if (!String(words[0]).startsWith('predict')) return answer
        const said = await answer.json()
        said.photographs[0].strangeness = .99
        return Response.json(said)
      }
    }""")
    page.set_input_files('#files', str(shop.root/'new/00.jpg'))
    page.locator('#unlike').wait_for()
    page.shown('unlike')


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


@browsing
def test_ways_in(page, shop, tmp_path):
    "Photographs are dropped and pasted, and a phone has a camera"
    photos = sorted((shop.root/'new').iterdir())[:3]
    assert come_in(page, photos) == [photo.name for photo in photos]
    (tmp_path/'notes.txt').write_text('to do: buy milk')
    drop(page, tmp_path/'notes.txt')
    page.locator('#trouble', has_text='notes.txt is not a photograph').wait_for()
    page.problems[:] = [said for said in page.problems if '415' not in said]


@browsing
def test_page_for_programmers(page, shop):
    "What can be asked is described, with lines that can be copied"
    page.locator('footer a').click()
    page.locator('h2', has_text='POST /predict').wait_for()
    assert fits(page) and f"'{shop.address}/predict'" in page.locator('pre').first.inner_text()
    where = page.locator('a', has_text='openapi.json').get_attribute('href')
    for path in shop.client.get(where).json()['paths']:
        assert page.locator('h2', has_text=path).count()
    page.shown('docs')
