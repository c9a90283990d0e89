"What tests of pages have in common: Chromium, how photographs come into a page, and when it is done"
import base64
import os
import shutil
from importlib.util import find_spec

import pytest

NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')
chromium = next(filter(None, map(shutil.which, NAMES)), None)
able = chromium and find_spec('playwright')
browsing = pytest.mark.skipif(not able, reason='no Chromium here, or no Playwright')
SIZES = dict(desk=(1440, 900, 'light'), phone=(390, 844, 'dark'))
desk_only = pytest.mark.parametrize('page', ['desk'], indirect=True)
phone_only = pytest.mark.parametrize('page', ['phone'], indirect=True)


def picture(page, name):
    "A screenshot, where somebody wants to look at it"
    folder = os.environ.get('PAGE_PICTURES')
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
    "Wait until the shop's photographs are there, under `text`"
    page.locator('#found', has_text=text).wait_for()
    until(page, '[...document.images].every(image => image.complete)')


def fits(page):
    "Does nothing stick out to the side?"
    return page.evaluate('document.documentElement.scrollWidth <= innerWidth')


def drop(page, path):
    "Drag the file at `path` from elsewhere to the middle of the page, and let go, as a hand does"
    hand = page.context.new_cdp_session(page)
    carried = dict(items=[], files=[str(path)], dragOperationsMask=1)
    for what in ('dragEnter', 'dragOver', 'drop'):
        hand.send('Input.dispatchDragEvent', dict(type=what, x=200, y=200, data=carried))


PASTE = '''([name, letters]) => {
  const bytes = Uint8Array.from(atob(letters), letter => letter.charCodeAt(0))
  const clipboardData = new DataTransfer()
  clipboardData.items.add(new File([bytes], name, { type: 'image/jpeg' }))
  document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }))
}'''


def paste(page, path):
    "Paste the photograph at `path`"
    page.evaluate(PASTE, [path.name, base64.b64encode(path.read_bytes()).decode()])


def take(page, path):
    "Take a photograph with the camera of a phone: it is the one at `path`"
    with page.expect_file_chooser() as camera:
        page.locator('#take').click()
    camera.value.set_files(path)


def come_in(page, photos):
    "The names of three photographs that were dropped, pasted and taken, as the page has them"
    ways = [drop, paste, take if page.locator('#take').is_visible() else drop]
    for i, (way, photo) in enumerate(zip(ways, photos), 1):
        way(page, photo)
        page.locator('#csv:enabled').wait_for()
        page.locator('#progress', has_text=f'{i} photograph').wait_for()
    return page.locator('#rows td:nth-child(2)').all_inner_texts()
